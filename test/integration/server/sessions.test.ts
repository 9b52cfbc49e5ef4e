import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ManualClock } from '../../../src/server/index.ts';
import { startServer, type TestServer, type WireClient } from './wire-client.ts';

const clock = new ManualClock();
let running: TestServer;
let client: WireClient;
let ids: Record<'nightly' | 'sweep' | 'plain', string>;

beforeAll(async () => {
  running = await startServer({ clock, sessionTimeoutMs: 60_000 });
  client = running.client;
  const create = async (body: object): Promise<string> =>
    (await client.post('create_session', body)).json.session_id;
  const nightly = await create({
    display_name: 'Nightly Run',
    project_id: 'p',
    user_metadata: { team: 'a' },
  });
  clock.advance(60_000);
  const sweep = await create({ display_name: 'sweep run', user_metadata: { team: 'b', n: 1 } });
  const plain = await create({});
  ids = { nightly, sweep, plain };
  const model_id = await client.createModel({ sessionId: sweep });
  await client.run('save_weights', { model_id, seq_id: 1, path: 'w' });
  await client.post(`sessions/${sweep}/finish`, { reason: { type: 'errored' }, detail: 'no' });
  // The first one has been silent for too long.
  await client.post('session_heartbeat', { session_id: plain });
});
afterAll(() => running[Symbol.asyncDispose]());

const search = async (body: object): Promise<string[]> => {
  const answer = await client.post('sessions/search', body);
  expect(answer.status).toBe(200);
  return answer.json.sessions.map((session: { session_id: string }) => session.session_id);
};

describe('searching sessions (RST-26)', () => {
  it('tells of each what it is and what it stores, newest first', async () => {
    const { json } = await client.post('sessions/search', { user_metadata: {}, owner: { type: 'own' } });
    expect(json.sessions.map((session: { session_id: string }) => session.session_id)).toEqual([
      ids.plain,
      ids.sweep,
      ids.nightly,
    ]);
    expect(json.sessions[1]).toEqual({
      session_id: ids.sweep,
      created_at: new Date(clock.now()).toISOString(),
      owner: 'tml:user:local',
      project_id: 'default',
      status: { type: 'client_finished', reason: { type: 'errored' }, detail: 'no' },
      display_name: 'sweep run',
      user_metadata: { team: 'b' },
      checkpoints_count: 1,
      checkpoint_storage_bytes: expect.any(Number),
    });
    expect(json.sessions[2].status).toEqual({ type: 'cancelled', detail: 'no heartbeat' });
    expect(json).not.toHaveProperty('next_cursor');
  });

  it('finds by each field', async () => {
    expect(await search({ display_name: 'RUN' })).toEqual([ids.sweep, ids.nightly]);
    expect(await search({ display_name: 'run night' })).toEqual([ids.nightly]);
    expect(await search({ session_id: ids.plain })).toEqual([ids.plain]);
    expect(await search({ session_id: ids.plain, display_name: 'sweep' })).toEqual([ids.plain, ids.sweep]);
    expect(await search({ project_ids: ['p'] })).toEqual([ids.nightly]);
    expect(await search({ project_ids: ['default', 'p'] })).toHaveLength(3);
    expect(await search({ user_metadata: { team: 'b' } })).toEqual([ids.sweep]);
    expect(await search({ user_metadata: { team: 'b', n: '1' } })).toEqual([]);
    expect(await search({ owner: { type: 'user', owner_urns: ['tml:user:other'] } })).toEqual([]);
    expect(await search({ owner: { type: 'accessible' }, limit: 1 })).toEqual([ids.plain]);
  });

  it('finds by status', async () => {
    expect(await search({ statuses: [{ type: 'active' }] })).toEqual([ids.plain]);
    expect(await search({ statuses: [{ type: 'cancelled' }, { type: 'failed' }] })).toEqual([ids.nightly]);
    const finished = (reasons?: string[]) => search({ statuses: [{ type: 'client_finished', reasons }] });
    expect(await finished()).toEqual([ids.sweep]);
    expect(await finished(['errored', 'success'])).toEqual([ids.sweep]);
    expect(await finished(['success'])).toEqual([]);
  });

  it('goes on where a page ended', async () => {
    const first = (await client.post('sessions/search', { limit: 2 })).json;
    expect(first.next_cursor).toEqual({
      last_created_at: expect.any(String),
      last_session_id: ids.sweep,
    });
    const second = (await client.post('sessions/search', { limit: 2, cursor: first.next_cursor })).json;
    expect(second.sessions.map((session: { session_id: string }) => session.session_id)).toEqual([
      ids.nightly,
    ]);
    expect(second).not.toHaveProperty('next_cursor');
  });

  it.each([
    { limit: 201 },
    { statuses: [] },
    { statuses: [{ type: 'asleep' }] },
    { owner: { type: 'user', owner_urns: [] } },
    { display_name: '' },
    { cursor: { last_created_at: '2026-01-01T00:00:00Z', last_session_id: 'nobody' } },
  ])('is refused for %j', async (body) => {
    expect((await client.post('sessions/search', body)).status).toBe(422);
  });
});

describe('the project of a session (RST-17)', () => {
  it('can be any, and cannot be none', async () => {
    const put = (session: string, body: object) =>
      client.send('PUT', `/api/v1/sessions/${session}/project`, body);
    expect((await put(ids.plain, { project_id: 'whatever 1' })).status).toBe(204);
    expect(await search({ project_ids: ['whatever 1'] })).toEqual([ids.plain]);
    expect((await put(ids.plain, { project_id: null })).status).toBe(400);
    expect((await put(ids.plain, {})).status).toBe(400);
    expect((await put('nobody', { project_id: 'p' })).status).toBe(404);
  });
});

describe('a finished session (SVC-9)', () => {
  it('keeps its first reason, and refuses work and heartbeats with 410', async () => {
    expect((await client.post(`sessions/${ids.sweep}/finish`, { reason: { type: 'success' } })).status).toBe(
      204,
    );
    expect(await search({ statuses: [{ type: 'client_finished', reasons: ['errored'] }] })).toEqual([
      ids.sweep,
    ]);
    const session_id = ids.sweep;
    const model = { session_id, model_seq_id: 9, base_model: 'local/random', lora_config: { rank: 4 } };
    const sampler = { session_id, sampling_session_seq_id: 9, base_model: 'local/random' };
    const step = { model_id: `${session_id}:train:0`, seq_id: 2, adam_params: {} };
    for (const [operation, body] of [
      ['session_heartbeat', { session_id }],
      ['create_model', model],
      ['create_sampling_session', sampler],
      ['optim_step', step],
      ['get_info', { model_id: `${session_id}:train:0` }],
    ] as const) {
      const answer = await client.post(operation, body);
      expect([operation, answer.status]).toEqual([operation, 410]);
      expect(answer.json.detail).toContain('has ended (errored: no)');
    }
    expect(
      (await client.get(`training_runs/${session_id}:train:0/checkpoints`)).json.checkpoints,
    ).toHaveLength(1);
  });
});
