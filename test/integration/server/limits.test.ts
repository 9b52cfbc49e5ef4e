import { describe, expect, it } from 'vitest';
import { forwardBackwardBytes, startServer } from './wire-client.ts';

const modelOf = (session_id: string, model_seq_id: number) => ({
  session_id,
  model_seq_id,
  base_model: 'local/random',
  lora_config: { rank: 1 },
});

describe('the number of models in memory', () => {
  it('is limited; those that were unloaded or whose session has ended do not count', async () => {
    await using running = await startServer({ maxModels: 2 });
    const { client } = running;
    const [session, other] = [await client.createSession(), await client.createSession()];
    const first = await client.createModel({ sessionId: session });
    await client.createModel({ sessionId: other });
    const refused = await client.post('create_model', modelOf(session, 1));
    expect([refused.status, refused.json.detail]).toEqual([
      422,
      expect.stringMatching(/^2 models are in memory, which is all .* unload one, or finish/),
    ]);
    await client.run('unload_model', { model_id: first });
    expect(await client.run('create_model', modelOf(session, 1))).toMatchObject({ type: 'create_model' });
    expect((await client.post('create_model', modelOf(session, 2))).status).toBe(422);
    await client.post(`sessions/${other}/finish`, { reason: { type: 'success' } });
    expect((await client.post('create_model', modelOf(session, 2))).status).toBe(200);
  });
});

describe('the number of unfinished operations', () => {
  it('is limited with 429, and a request that was refused so may be repeated with its seq_id', async () => {
    await using running = await startServer({ maxOpenFutures: 3 });
    const { client } = running;
    const model_id = await client.createModel();
    // Without the first number nothing runs.
    for (const seqId of [2, 3, 4])
      await client.post('forward_backward', forwardBackwardBytes(model_id, seqId));
    const refused = await client.post('optim_step', { model_id, seq_id: 5, adam_params: {} });
    expect([refused.status, refused.headers.get('retry-after'), refused.json.detail]).toEqual([
      429,
      '1',
      '3 operations are unfinished, which is all that this server takes at once: wait for some',
    ]);
    const session_id = await client.createSession();
    expect((await client.post('create_model', modelOf(session_id, 0))).status).toBe(429);
    // What was accepted before is answered as before, and makes room once it is done.
    const repeated = await client.post('forward_backward', forwardBackwardBytes(model_id, 4));
    expect(repeated.status).toBe(200);
    await client.post(`sessions/${model_id.split(':')[0]}/finish`, { reason: { type: 'success' } });
    await client.outcome(repeated.json.request_id);
    expect((await client.post('create_model', modelOf(session_id, 0))).status).toBe(200);
  });
});

describe('the size of a body', () => {
  it('is limited with 413, whether its length is declared or not, or only seen when it is unpacked', async () => {
    await using running = await startServer({ maxBodyBytes: 1000 });
    const body = { tags: ['x'.repeat(1000)] };
    const declared = await running.client.post('create_session', body);
    expect([declared.status, declared.json.detail]).toEqual([413, 'The body is larger than 1000 bytes']);
    const chunked = await fetch(`${running.server.url}/api/v1/create_session`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: new Blob([JSON.stringify(body)]).stream(),
      duplex: 'half',
    });
    expect([chunked.status, await chunked.json()]).toEqual([413, declared.json]);
    expect((await running.client.post('create_session', { tags: [] })).status).toBe(200);
  });
});
