import { fromBinary } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SampleResponseSchema } from '../../../src/proto/tinker_public_pb.ts';
import { forwardBackwardBytes, startServer, type TestServer, type WireClient } from './wire-client.ts';

let running: TestServer;
let client: WireClient;
let session_id: string;
let base: string;

beforeAll(async () => {
  running = await startServer();
  client = running.client;
  session_id = await client.createSession();
  base = await createSampler({ base_model: 'local/random' }, 0);
});
afterAll(() => running[Symbol.asyncDispose]());

async function createSampler(source: Record<string, unknown>, counter: number): Promise<string> {
  const answer = await client.post('create_sampling_session', {
    session_id,
    sampling_session_seq_id: counter,
    ...source,
  });
  return answer.json.sampling_session_id;
}

/** A body of asample; `seq_id` may be a text with more digits than a double holds. */
const sampleBody = (sampler: string, seqId: string | number, change: Record<string, unknown> = {}) =>
  JSON.stringify({
    num_samples: 2,
    prompt: { chunks: [{ type: 'encoded_text', tokens: [1, 2, 3] }] },
    sampling_params: { max_tokens: 4, seed: 7 },
    sampling_session_id: sampler,
    ...change,
  }).replace(/}$/, `,"seq_id":${seqId}}`);

async function sample(body: string) {
  const { json } = await client.post('asample', body);
  return (await client.outcome(json.request_id)).json;
}

describe('sampling', () => {
  it('answers as many sequences as were asked for, the same ones for the same seed', async () => {
    const first = await sample(sampleBody(base, 0));
    expect(first.sequences).toHaveLength(2);
    expect(first.sequences[0].tokens).toHaveLength(first.sequences[0].logprobs.length);
    expect(first).not.toHaveProperty('prompt_logprobs');
    expect((await sample(sampleBody(base, 1))).sequences).toEqual(first.sequences);
  });

  it('names each sequence in the answer to the submission', async () => {
    const { json } = await client.post('asample', sampleBody(base, 2));
    expect(new Set(json.sample_sequence_ids).size).toBe(2);
  });

  it('takes a repeat for the same sample, and tells numbers apart that one double would merge', async () => {
    const numbers = ['1000000000000000001', '1000000000000000001', '1000000000000000002'];
    const answers = await Promise.all(
      numbers.map((seqId) => client.post('asample', sampleBody(base, seqId))),
    );
    const [first, repeat, next] = answers.map(({ json }) => json);
    expect(repeat).toEqual(first);
    expect(next.request_id).not.toBe(first.request_id);
  });

  it('gives a log-probability for every prompt token but the first', async () => {
    const change = { num_samples: 1, prompt_logprobs: true, sampling_params: { max_tokens: 1 } };
    const { json } = await client.post('asample', sampleBody(base, 3, change));
    const asJson = (await client.outcome(json.request_id)).json;
    expect(asJson.prompt_logprobs).toEqual([null, expect.any(Number), expect.any(Number)]);
    const binary = await client.outcome(json.request_id, { accept: 'application/x-protobuf' });
    const { promptLogprobs = new Uint8Array() } = fromBinary(SampleResponseSchema, binary.bytes);
    const values = new Float32Array(Uint8Array.from(promptLogprobs).buffer);
    expect(Array.from(values)).toEqual([Number.NaN, ...asJson.prompt_logprobs.slice(1)]);
  });

  it('goes on through the end of the sequence when the list of stops is empty', async () => {
    const change = { sampling_params: { max_tokens: 40, seed: 1, stop: [] } };
    const { sequences } = await sample(sampleBody(base, 4, change));
    expect(sequences.map((sequence: { stop_reason: string }) => sequence.stop_reason)).toEqual([
      'length',
      'length',
    ]);
  });

  it('refuses a sampler that is not there', async () => {
    expect((await client.post('asample', sampleBody('nobody', 0))).status).toBe(404);
    expect((await client.get('samplers/nobody')).status).toBe(404);
  });
});

describe('a sampler', () => {
  it('of the base model says so, and keeps its id when it is asked for again', async () => {
    expect(base).toBe(`${session_id}:sample:0`);
    expect((await client.get(`samplers/${base}`)).json).toEqual({
      sampler_id: base,
      base_model: 'local/random',
    });
    expect(await createSampler({ base_model: 'local/random' }, 0)).toBe(base);
  });

  it('of trained weights samples as the model was when they were saved, named or not', async () => {
    const model_id = await client.createModel({ sessionId: session_id });
    await client.post('forward_backward', forwardBackwardBytes(model_id, 1));
    await client.post('optim_step', { model_id, seq_id: 2, adam_params: { learning_rate: 0.1 } });
    const unnamed = { model_id, seq_id: 3, sampling_session_seq_id: 1, kind: 'snapshot' };
    const { sampling_session_id } = await client.run('save_weights_for_sampler', unnamed);
    const repeated = await client.post('save_weights_for_sampler', {
      ...unnamed,
      sampling_session_seq_id: 2,
    });
    expect((await client.outcome(repeated.json.request_id)).json.sampling_session_id).toBe(
      sampling_session_id,
    );
    const { path } = await client.run('save_weights_for_sampler', { model_id, seq_id: 4, path: 's' });
    await client.post('forward_backward', forwardBackwardBytes(model_id, 5));
    await client.run('optim_step', { model_id, seq_id: 6, adam_params: { learning_rate: 0.1 } });
    const named = await createSampler({ model_path: path }, 3);
    expect((await client.get(`samplers/${named}`)).json).toMatchObject({
      base_model: 'local/random',
      model_path: path,
    });
    const fromMemory = await sample(sampleBody(sampling_session_id, 0));
    const fromDisk = await sample(sampleBody(named, 0));
    const untrained = await sample(sampleBody(base, 5));
    expect(fromMemory.sequences[0].tokens).toEqual(fromDisk.sequences[0].tokens);
    expect(fromMemory.sequences).not.toEqual(untrained.sequences);
  });

  it('needs a base model or a path that exists', async () => {
    const body = { session_id, sampling_session_seq_id: 9 };
    expect((await client.post('create_sampling_session', body)).status).toBe(422);
    expect((await client.post('create_sampling_session', { ...body, base_model: 'none/such' })).status).toBe(
      404,
    );
    const path = 'tinker://nobody/weights/a';
    expect((await client.post('create_sampling_session', { ...body, model_path: path })).status).toBe(404);
  });
});

describe('a finished session', () => {
  it('refuses everything of it with 410, frees its models, and keeps its first reason', async () => {
    const id = await client.createSession();
    const model_id = await client.createModel({ sessionId: id });
    const finish = (type: string) => client.post(`sessions/${id}/finish`, { reason: { type }, detail: null });
    expect((await finish('success')).status).toBe(204);
    expect((await finish('errored')).status).toBe(204);
    const heartbeat = await client.post('session_heartbeat', { session_id: id });
    expect(heartbeat.status).toBe(410);
    expect(heartbeat.json.detail).toContain('success');
    const step = { model_id, seq_id: 1, adam_params: {} };
    expect((await client.post('optim_step', step)).status).toBe(410);
    const model = { session_id: id, model_seq_id: 1, base_model: 'local/random', lora_config: { rank: 4 } };
    expect((await client.post('create_model', model)).status).toBe(410);
    expect((await client.get(`sessions/${id}`)).json.training_run_ids).toEqual([model_id]);
  });
});
