import { assert, asyncProperty, boolean, constantFrom, nat, tuple } from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ManualClock } from '../../../src/server/index.ts';
import {
  forwardBackwardBytes,
  forwardBackwardJson,
  startServer,
  type TestServer,
  type WireClient,
} from './wire-client.ts';

let running: TestServer;
let client: WireClient;
let modelId: string;
let bytes: Uint8Array;

beforeAll(async () => {
  running = await startServer({ clock: new ManualClock() });
  client = running.client;
  modelId = await client.createModel();
  bytes = forwardBackwardBytes(modelId, 0);
});
afterAll(() => running[Symbol.asyncDispose]());

/** Values that no field of a training request expects, and some that it might. */
const oddities = [
  null,
  true,
  'x',
  '',
  [],
  {},
  -1,
  0.5,
  1e300,
  2 ** 31,
  [['x']],
  { chunks: [] },
  [null],
  [1e308],
];

/** Every place of a JSON value, as the keys that lead to it. */
function placesOf(value: unknown, path: string[] = []): string[][] {
  if (typeof value !== 'object' || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([key, child]) => placesOf(child, [...path, key]))];
}

function replaced(value: unknown, [key, ...rest]: string[], by: unknown): unknown {
  if (key === undefined) return by;
  const copy = Array.isArray(value) ? value.slice() : { ...(value as object) };
  Reflect.set(copy, key, replaced(Reflect.get(copy, key), rest, by));
  return copy;
}

/** Whatever is sent: the answer is no server error, and an operation that was accepted does not fail by the server. */
async function expectOrderly(operation: string, body: unknown): Promise<void> {
  const answer = await client.post(operation, body);
  if (answer.status === 200 && typeof answer.json?.request_id === 'string') {
    const outcome = await client.outcome(answer.json.request_id);
    expect([outcome.status, outcome.json.category ?? 'user']).toEqual([200, 'user']);
  } else {
    expect(answer.status).toBeLessThan(500);
    if (answer.status >= 400) expect(answer.json?.detail).toBeTruthy();
  }
}

/** None is numbered, so that none waits for another. */
const bodies = (): Record<string, unknown> => {
  const { forward_backward_input } = forwardBackwardJson(modelId, 0);
  return {
    forward_backward: { model_id: modelId, forward_backward_input },
    forward: { model_id: modelId, forward_input: forward_backward_input },
    optim_step: {
      model_id: modelId,
      adam_params: { learning_rate: 1e-3, beta1: 0.9, eps: 1e-8, grad_clip_norm: 1 },
    },
    create_model: {
      session_id: modelId.split(':')[0],
      model_seq_id: 0,
      base_model: 'local/random',
      lora_config: { rank: 4, seed: 1, train_mlp: true },
      optimizer_config: { type: 'adamw' },
      user_metadata: { a: 1 },
    },
    load_weights: { model_id: modelId, path: `tinker://${modelId}/weights/none`, optimizer: true },
    get_info: { model_id: modelId },
  };
};

describe('bodies with something wrong in them', () => {
  it.each(['forward_backward', 'forward', 'optim_step', 'create_model', 'load_weights', 'get_info'])(
    'of %s are refused or fail by the user, wherever it is (TRN-1, TRN-2, TRN-4, SVC-2)',
    async (operation) => {
      const body = bodies()[operation];
      const mutation = tuple(constantFrom(...placesOf(body)), constantFrom(...oddities));
      const sends = asyncProperty(mutation, ([place, value]) =>
        expectOrderly(operation, replaced(body, place, value)),
      );
      await assert(sends, { numRuns: 60, seed: 1 });
    },
  );

  it('in protobuf are refused or fail by the user, whatever byte is another (TRN-2)', async () => {
    const mutation = tuple(nat(bytes.length - 1), nat(255), boolean());
    const sends = asyncProperty(mutation, ([place, value, isCut]) => {
      const changed = Uint8Array.from(isCut ? bytes.subarray(0, place) : bytes);
      if (!isCut) changed[place] = value;
      return expectOrderly('forward_backward', changed);
    });
    await assert(sends, { numRuns: 200, seed: 1 });
  });
});
