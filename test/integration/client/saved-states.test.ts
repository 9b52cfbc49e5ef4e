import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { supervisedDatum, type TrainingClient } from '../../../src/index.ts';
import { startLocalService, type LocalService } from '../../helpers/local-service.ts';
import type { ScriptedReply } from '../../helpers/scripted-server.ts';
import { connectScripted, type ScriptedService } from '../../helpers/scripted-service.ts';

const call = { data: [supervisedDatum({ tokens: [5, 6, 7, 8, 9, 10] })], loss_fn: 'cross_entropy' } as const;

async function lossOf(client: TrainingClient): Promise<number> {
  return (await client.forward(call)).metrics['loss:sum'] ?? Number.NaN;
}

function step(client: TrainingClient): Promise<unknown> {
  void client.forwardBackward(call);
  return client.optimStep({ learning_rate: 1e-2 }).result();
}

describe('loading a state into a model (TRN-6, TRN-7)', () => {
  let local: LocalService;
  let client: TrainingClient;

  beforeAll(async () => {
    local = await startLocalService();
    const service = await local.connect();
    client = await service.createLoraTrainingClient({ base_model: 'local/random', rank: 4, seed: 9 });
    await step(client);
  });
  afterAll(() => local[Symbol.asyncDispose]());

  it('brings its weights back at that place in line, and its optimizer when asked', async () => {
    const { path } = await client.saveState({ name: 'before' });
    const saved = await lossOf(client);
    await step(client);
    const continued = await lossOf(client);
    expect(Math.abs(continued - saved)).toBeGreaterThan(1e-3);

    const loading = client.loadStateWithOptimizer({ path });
    const again = client.forward(call);
    await expect(loading).resolves.toMatchObject({ path });
    expect((await again).metrics['loss:sum']).toBeCloseTo(saved, 4);
    await step(client);
    expect(await lossOf(client)).toBeCloseTo(continued, 4);

    await client.loadState({ path });
    await step(client);
    expect(Math.abs((await lossOf(client)) - continued)).toBeGreaterThan(1e-3);
  });

  it('refuses what is no training state before anything takes a place in line', async () => {
    const { path } = await client.saveWeightsForSampler({ name: 'for-sampling' });
    await expect(client.loadState({ path })).rejects.toThrow('only a training checkpoint');
    await expect(client.loadState({ path, optimizer: true } as never)).rejects.toThrow(
      "no option 'optimizer'",
    );
    await expect(client.loadState({ path: 'tinker://run/weights/none' })).rejects.toMatchObject({
      code: 'request_failed',
    });
    await expect(lossOf(client)).resolves.toBeGreaterThan(0);
  });
});

/** A server of the older kind: it answers a load that names no model as a validation library does, the request repeated in it. */
const missesModelId: ScriptedReply = ({ body }) => {
  const { model_id } = body as { model_id?: string };
  const detail = [{ type: 'missing', loc: ['body', 'model_id'], msg: 'Field required', input: body }];
  return model_id === undefined
    ? { status: 422, json: { detail } }
    : { status: 200, json: { request_id: 'load' } };
};

const replies: Readonly<Record<string, ScriptedReply>> = {
  '/create_session': { session_id: 'session_1' },
  '/create_model': { request_id: 'create', model_id: 'model_1' },
  '/weights_info': { base_model: 'base', is_lora: true, lora_rank: 8 },
  '/load_weights': missesModelId,
  '/save_weights': { request_id: 'save' },
  '/get_info': { model_id: 'model_1', status: 'ready', model_data: { model_name: 'base' } },
  '/retrieve_future': ({ body }) => {
    const { request_id } = body as { request_id: string };
    const results: Record<string, object> = {
      create: { type: 'create_model', model_id: 'model_1' },
      load: { type: 'load_weights' },
      save: { type: 'save_weights', path: 'tinker://model_1/weights/next' },
    };
    return { status: 200, json: results[request_id] ?? { error: 'unknown', category: 'user' } };
  },
  '/sessions/session_1/finish': {},
};

function bodiesOf(scripted: ScriptedService, path: string): unknown[] {
  return scripted.sentTo(path).map(({ body }) => body);
}

const path = 'tinker://other/weights/state';

describe('a training client from a state on servers that load only into models they have (SVC-3, SVC-4)', () => {
  it('gets a model of the same shape first, and its calls are numbered after the load', async () => {
    await using scripted = await connectScripted(replies);
    const input = { path, optimizer: true, user_metadata: { run: '7' } };
    const client = await scripted.service.createTrainingClientFromState(input, { idempotencyKey: 'mine' });
    expect(client.modelId).toBe('model_1');
    await client.saveState({ name: 'next' });
    const session = { session_id: 'session_1', model_seq_id: 0 };
    const load = { path, optimizer: true, type: 'load_weights' };
    expect(bodiesOf(scripted, '/load_weights')).toEqual([
      { ...session, ...load, user_metadata: { run: '7' } },
      { model_id: 'model_1', seq_id: 1, ...load },
    ]);
    expect(bodiesOf(scripted, '/create_model')).toEqual([
      {
        ...session,
        base_model: 'base',
        user_metadata: { run: '7' },
        lora_config: { rank: 8, train_unembed: true, train_mlp: true, train_attn: true },
        optimizer_config: { type: 'adamw' },
        type: 'create_model',
      },
    ]);
    expect(bodiesOf(scripted, '/save_weights')).toMatchObject([{ model_id: 'model_1', seq_id: 2 }]);
    // One key must not stand for two requests.
    const keys = ['/load_weights', '/create_model', '/get_info'].flatMap((at) =>
      scripted.sentTo(at).map(({ headers }) => headers['x-idempotency-key']),
    );
    expect(keys.slice(0, 1)).toEqual(['mine']);
    expect(new Set(keys).size).toBe(4);
  });

  it('is made that way at once where the flag says so', async () => {
    await using scripted = await connectScripted({
      ...replies,
      '/client/config': { create_model_via_load_weights: false },
    });
    await scripted.service.createTrainingClientFromState({ path });
    expect(bodiesOf(scripted, '/load_weights')).toEqual([
      { model_id: 'model_1', seq_id: 1, path, optimizer: false, type: 'load_weights' },
    ]);
  });

  it('asks about the weights of another account with the token of that account', async () => {
    await using scripted = await connectScripted(replies);
    await scripted.service.createTrainingClientFromState({ path, weights_access_token: 'tml-other' });
    const keysAt = (at: string) => scripted.sentTo(at).map(({ headers }) => headers['x-api-key']);
    expect(keysAt('/weights_info')).toEqual(['tml-other']);
    expect([...keysAt('/create_model'), ...keysAt('/load_weights')]).toEqual([
      'tml-own',
      'tml-own',
      'tml-own',
    ]);
    expect(bodiesOf(scripted, '/load_weights').at(-1)).toMatchObject({ weights_access_token: 'tml-other' });
  });

  it('fails with the refusal of the server when that is about anything else', async () => {
    const refusal: ScriptedReply = ({ body }) => ({
      status: 422,
      json: { detail: 'not this one', input: body },
    });
    await using scripted = await connectScripted({ ...replies, '/load_weights': refusal });
    const creating = scripted.service.createTrainingClientFromState({
      path,
      weights_access_token: 'tml-other',
    });
    const error = await creating.catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'unprocessable', message: expect.stringContaining('not this one') });
    // The server repeats the request; neither the error nor the log does.
    expect(JSON.stringify(error)).toContain('[secret]');
    expect(JSON.stringify([error, scripted.logs])).not.toContain('tml-other');
    expect(bodiesOf(scripted, '/create_model')).toEqual([]);
  });

  it('refuses an optimizer beside the one that the state brings', async () => {
    await using scripted = await connectScripted(replies);
    const input = { path, optimizer: true, optimizer_config: { type: 'adamw' as const } };
    await expect(scripted.service.createTrainingClientFromState(input)).rejects.toThrow('optimizer_config');
  });
});
