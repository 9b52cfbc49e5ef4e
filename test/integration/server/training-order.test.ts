import { fromBinary } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ForwardBackwardOutputSchema } from '../../../src/proto/tinker_public_pb.ts';
import { ManualClock } from '../../../src/server/index.ts';
import {
  forwardBackwardBytes,
  forwardBackwardJson,
  startServer,
  until,
  type TestServer,
  type WireClient,
} from './wire-client.ts';

const protobuf = { accept: 'application/x-protobuf' };
const clock = new ManualClock();
let running: TestServer;
let client: WireClient;

beforeAll(async () => {
  running = await startServer({ clock, gapTimeoutMs: 120_000 });
  client = running.client;
});
afterAll(() => running[Symbol.asyncDispose]());

const optimStep = (model_id: string, seq_id: number) => ({
  model_id,
  seq_id,
  adam_params: { learning_rate: 0.01 },
});

/** Polls once and lets the hold pass, which must answer "not yet". */
async function pollPastHold(requestId: string) {
  const timers = clock.pendingCount;
  const poll = client.poll(requestId);
  await until(() => clock.pendingCount > timers);
  clock.advance(30_000);
  return poll;
}

describe('operations of one model', () => {
  it('run in the order of seq_id when chunks arrive as 2, 3, 1, each with its own result', async () => {
    const modelId = await client.createModel();
    const submitted: Record<number, string> = {};
    for (const seqId of [2, 3]) {
      const answer = await client.post('forward_backward', forwardBackwardBytes(modelId, seqId));
      submitted[seqId] = answer.json.request_id;
    }
    const early = client.poll(submitted[2] ?? '', protobuf);
    const first = await client.post('forward_backward', forwardBackwardBytes(modelId, 1));
    for (const answer of [await early, await client.outcome(first.json.request_id, protobuf)]) {
      expect(answer.headers.get('content-type')).toBe('application/x-protobuf');
      const output = fromBinary(ForwardBackwardOutputSchema, answer.bytes);
      expect(output.metrics['loss:sum']).toBeGreaterThan(0);
      expect(output.lossFnOutputs[0]?.fields['logprobs']?.data).toHaveLength(16);
    }
  });

  it('wait for their turn: a step sent before its gradient still uses it', async () => {
    const modelId = await client.createModel();
    const step = await client.post('optim_step', optimStep(modelId, 2));
    await client.post('forward_backward', forwardBackwardBytes(modelId, 1));
    const { json } = await client.outcome(step.json.request_id);
    expect(json.metrics.grad_norm).toBeGreaterThan(0);
  });

  it('are executed once however often they are sent', async () => {
    const norms: number[] = [];
    for (const repeats of [1, 3]) {
      const modelId = await client.createModel();
      const ids = new Set<string>();
      for (let sent = 0; sent < repeats; sent += 1) {
        const headers = { 'x-idempotency-key': `${repeats}-${sent}` };
        const answer = await client.post('forward_backward', forwardBackwardBytes(modelId, 1), headers);
        ids.add(answer.json.request_id);
      }
      expect(ids.size).toBe(1);
      norms.push((await client.run('optim_step', optimStep(modelId, 2))).metrics.grad_norm);
    }
    expect(norms[0]).toBe(norms[1]);
  });

  it('do not wait for a number whose request was refused, and take its repeat', async () => {
    const modelId = await client.createModel();
    const refused = await client.post(
      'forward_backward',
      forwardBackwardBytes(modelId, 1, 'stable_reinforce'),
    );
    expect(refused.status).toBe(422);
    expect(await client.run('optim_step', optimStep(modelId, 2))).toHaveProperty('metrics');
    const repeated = await client.run('forward_backward', forwardBackwardJson(modelId, 1));
    expect(repeated.metrics['loss:sum']).toBeGreaterThan(0);
  });

  it('say what they wait for, and fail by its name when it never comes', async () => {
    const modelId = await client.createModel();
    const step = await client.post('optim_step', optimStep(modelId, 3));
    const { status, json } = await pollPastHold(step.json.request_id);
    expect(status).toBe(408);
    expect(json).toEqual({
      queue_state: 'paused_capacity',
      queue_state_reason: `waiting for seq_id 1 of ${modelId}`,
    });
    clock.advance(120_000);
    const failed = await client.poll(step.json.request_id);
    expect(failed.status).toBe(200);
    expect(failed.json.category).toBe('user');
    expect(failed.json.error).toContain('seq_id 1 did not arrive within 120 s');
    expect(await client.run('optim_step', optimStep(modelId, 4))).toHaveProperty('metrics');
  });

  it('give JSON to a client that does not ask for protobuf', async () => {
    const modelId = await client.createModel();
    const output = await client.run('forward_backward', forwardBackwardJson(modelId, 1));
    expect(output).toMatchObject({
      loss_fn_output_type: 'TorchLossReturn',
      metrics: { 'loss:sum': expect.any(Number) },
    });
    expect(output.loss_fn_outputs[0].logprobs).toMatchObject({ dtype: 'float32', shape: [4] });
    const input = forwardBackwardJson(modelId, 2).forward_backward_input;
    const forward = await client.run('forward', { model_id: modelId, seq_id: 2, forward_input: input });
    expect(forward.metrics).toEqual(output.metrics);
  });

  it('come to an end when the model is unloaded', async () => {
    const modelId = await client.createModel();
    expect(await client.run('unload_model', { model_id: modelId })).toEqual({
      type: 'unload_model',
      model_id: modelId,
    });
    const answer = await client.post('optim_step', optimStep(modelId, 1));
    expect(answer.status).toBe(404);
    expect(answer.json.detail).toContain('it was unloaded. Nothing of it was saved');
  });
});

describe('results', () => {
  it('can be read again, and are gone some minutes after they were fetched', async () => {
    const modelId = await client.createModel();
    const { json } = await client.post('optim_step', optimStep(modelId, 1));
    const first = await client.outcome(json.request_id);
    expect((await client.poll(json.request_id)).json).toEqual(first.json);
    clock.advance(6 * 60_000);
    const late = await client.poll(json.request_id);
    expect(late.status).toBe(410);
    expect(late.json.detail).toContain('is lost');
  });

  it('are awaited in an active queue while the operation runs', async () => {
    const session_id = await client.createSession();
    const source = { session_id, sampling_session_seq_id: 0, base_model: 'local/random' };
    const { sampling_session_id } = (await client.post('create_sampling_session', source)).json;
    const sampling_params = { max_tokens: 1000, stop: [] };
    const sample = { sampling_session_id, prompt: { chunks: [{ tokens: [1] }] }, sampling_params };
    const { json } = await client.post('asample', sample);
    const answer = await pollPastHold(json.request_id);
    expect([answer.status, answer.json]).toEqual([408, { queue_state: 'active' }]);
  });

  it('are unknown for an id that never was', async () => {
    expect((await client.poll('nonsense')).status).toBe(404);
  });
});

describe('creating', () => {
  it('a model twice with the same number gives one model', async () => {
    const session_id = await client.createSession();
    const body = { session_id, model_seq_id: 0, base_model: 'local/random', lora_config: { rank: 4 } };
    const [first, second] = await Promise.all([
      client.post('create_model', body),
      client.post('create_model', body),
    ]);
    expect(first.json.request_id).toBe(second.json.request_id);
    const { model_id } = (await client.outcome(first.json.request_id)).json;
    expect(model_id).toBe(`${session_id}:train:0`);
    expect((await client.post('get_info', { model_id })).json).toMatchObject({
      type: 'get_info',
      model_id,
      model_data: { arch: 'llama', model_name: 'local/random', tokenizer_id: 'local/random' },
      is_lora: true,
      lora_rank: 4,
    });
  });

  it('a session twice with one idempotency key gives one session', async () => {
    const headers = { 'x-idempotency-key': 'key' };
    const [first, second] = [
      await client.post('create_session', {}, headers),
      await client.post('create_session', {}, headers),
    ];
    expect(first.json.session_id).toBe(second.json.session_id);
    expect((await client.post('create_session', {})).json.session_id).not.toBe(first.json.session_id);
  });
});
