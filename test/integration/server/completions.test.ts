import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startServer, type TestServer, type WireClient } from './wire-client.ts';

let running: TestServer;
let client: WireClient;
let sampler: string;
let nextSeqId = 0;

beforeAll(async () => {
  running = await startServer();
  client = running.client;
  const session_id = await client.createSession();
  const answer = await client.post('create_sampling_session', {
    session_id,
    sampling_session_seq_id: 0,
    base_model: 'local/random',
  });
  sampler = answer.json.sampling_session_id;
});
afterAll(() => running[Symbol.asyncDispose]());

async function submit(params: object = {}, block = 0): Promise<string> {
  const { json } = await client.post('asample', {
    num_samples: 1,
    prompt: { chunks: [{ type: 'encoded_text', tokens: [1, 2, 3] }] },
    sampling_params: { max_tokens: 2, seed: 7, ...params },
    sampling_session_id: sampler,
    seq_id: block * 1_000_000_000 + nextSeqId++,
  });
  return json.request_id;
}

const ask = (body: object, cloned_sampler_id = 0) =>
  client.post('retrieve_futures', {
    target: { type: 'sampling_session', sampling_session_id: sampler, cloned_sampler_id },
    ...body,
  });

describe('completions of a sampler (wire-protocol 2.38)', () => {
  it('are held back until something has finished, and told again until a cursor covers them', async () => {
    const requestId = await submit();
    const first = (await ask({ prev_cursor: 0 })).json;
    const completion = {
      state: 'finished',
      request_id: requestId,
      response_payload_uncompressed_size: expect.any(Number),
    };
    expect(first.completions).toEqual([completion]);
    expect((await ask({ prev_cursor: 0 })).json).toEqual(first);
    const covered = { prev_cursor: first.cursor, timeout: 0 };
    expect((await ask(covered)).json).toEqual({ completions: [], cursor: first.cursor });
    expect((await ask({ prev_cursor: 0, timeout: 0 })).json.completions).toEqual([]);
  });

  it('tell the size that the result has in protobuf', async () => {
    const requestId = await submit();
    const { completions } = (await ask({})).json;
    const { bytes } = await client.outcome(requestId, { accept: 'application/x-protobuf' });
    expect(completions.at(-1).response_payload_uncompressed_size).toBe(bytes.byteLength);
  });

  it('are those of one copy of the client alone', async () => {
    const requestId = await submit({}, 4);
    const { completions } = (await ask({}, 4)).json;
    expect(completions.map((completion: { request_id: string }) => completion.request_id)).toEqual([
      requestId,
    ]);
    expect(JSON.stringify((await ask({ timeout: 0 })).json)).not.toContain(requestId);
  });

  it('let the server forget what has been fetched, of this queue only', async () => {
    const requestId = await submit({}, 5);
    await client.outcome(requestId);
    await ask({ timeout: 0, retrieved_request_ids: [requestId] }, 6);
    expect((await client.post('retrieve_future', { request_id: requestId })).status).toBe(200);
    await ask({ timeout: 0, retrieved_request_ids: [requestId, 'unknown'] }, 5);
    expect((await client.post('retrieve_future', { request_id: requestId })).status).toBe(410);
  });

  it('of a sampler that is not there are refused', async () => {
    const target = { type: 'sampling_session', sampling_session_id: 'nobody', cloned_sampler_id: 0 };
    expect((await client.post('retrieve_futures', { target })).status).toBe(404);
  });
});

describe('cancelling a sample (wire-protocol 2.39)', () => {
  it('stops its work, running or waiting, and frees the engine for the next', async () => {
    const long = { max_tokens: 1000, stop: [] };
    const ids = await Promise.all(Array.from({ length: 40 }, () => submit(long, 7)));
    for (const request_id of ids)
      expect((await client.post('cancel_future', { request_id })).status).toBe(200);
    expect((await client.outcome(ids[0] ?? '')).json).toEqual({
      error: 'the sample was cancelled',
      category: 'user',
    });
    const { completions } = (await ask({}, 7)).json;
    expect(completions).toHaveLength(40);
    expect(completions[0].state).toBe('failed');
    // Forty samples of a thousand tokens would take longer than a test may.
    expect((await client.outcome(await submit())).json.sequences).toHaveLength(1);
  });

  it('has nothing against ids that are unknown or finished', async () => {
    const requestId = await submit();
    await client.outcome(requestId);
    for (const request_id of [requestId, 'unknown'])
      expect((await client.post('cancel_future', { request_id })).status).toBe(200);
    expect((await client.outcome(requestId)).json.sequences).toHaveLength(1);
  });
});

describe('copies of a client (wire-protocol 2.40)', () => {
  it('are given a number each, from 1', async () => {
    const join = () => client.post('join_sampling_session', { sampling_session_id: sampler });
    expect((await join()).json).toEqual({ type: 'join_sampling_session', client_counter: 1 });
    expect((await join()).json.client_counter).toBe(2);
    const unknown = await client.post('join_sampling_session', { sampling_session_id: 'nobody' });
    expect(unknown.status).toBe(404);
  });
});
