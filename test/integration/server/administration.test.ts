import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../src/server/index.ts';
import { forwardBackwardBytes, makeFolder, startServer, WireClient, type TestServer } from './wire-client.ts';

const hour = 60 * 60_000;
const midnight = Date.UTC(2026, 0, 1);
const toText = (time: number): string => new Date(time).toISOString().replace('.000Z', 'Z');
const windowOf = (start: number, end: number): string =>
  `billing/usage/events?starting_on=${encodeURIComponent(toText(start))}&ending_before=${encodeURIComponent(toText(end))}`;

/** A model that has been trained and sampled from, and has a checkpoint: in project `p`. */
async function work({ client }: TestServer): Promise<{ session_id: string; model_id: string }> {
  const body = { project_id: 'p', user_metadata: { team: 'a', n: 1 } };
  const { session_id } = (await client.post('create_session', body)).json;
  const model_id = await client.createModel({ sessionId: session_id });
  const pass = await client.post('forward_backward', forwardBackwardBytes(model_id, 1));
  await client.outcome(pass.json.request_id);
  await client.run('save_weights', { model_id, seq_id: 2, path: 'w', ttl_seconds: 24 * 3600 });
  const sampler = { session_id, sampling_session_seq_id: 0, base_model: 'local/random' };
  const { sampling_session_id } = (await client.post('create_sampling_session', sampler)).json;
  await client.run('asample', {
    sampling_session_id,
    seq_id: 1,
    num_samples: 2,
    prompt: { chunks: [{ type: 'encoded_text', tokens: [1, 2, 3] }] },
    sampling_params: { max_tokens: 5, stop: [] },
  });
  return { session_id, model_id };
}

describe('billing usage (RST-20)', () => {
  it('counts by the hour what each session used, and what it stores; it outlives a restart', async () => {
    const dataDir = makeFolder();
    const clock = new ManualClock(midnight + hour / 2);
    const before = await startServer({ clock, dataDir });
    const { session_id } = await work(before);
    await before[Symbol.asyncDispose]();
    await using after = await startServer({ clock, dataDir });
    clock.advance(hour);
    const { json } = await after.client.get(windowOf(midnight, midnight + 2 * hour));
    const shared = { base_model: 'local/random', session_id, project_id: 'p', user_id: 'tml:user:local' };
    const bucket = {
      bucket_start: '2026-01-01T00:00:00.000Z',
      bucket_end: '2026-01-01T01:00:00.000Z',
      ...shared,
    };
    expect(json.data.map((event: { event_info: object }) => event.event_info)).toEqual([
      { type: 'sampling_sample', token_count: 10 },
      { type: 'training', token_count: 4 },
      { type: 'sampling_prefill', cached: false, token_count: 3 },
      { type: 'checkpoint', count: 1 },
      { type: 'storage', gigabyte_hours: expect.any(Number) },
      { type: 'storage', gigabyte_hours: expect.any(Number) },
    ]);
    expect(json.data[0]).toMatchObject({ ...bucket, estimated_cost_usd: 0 });
    expect(json.data[5]).toMatchObject({ ...shared, bucket_start: '2026-01-01T01:00:00.000Z' });
    const [{ size_bytes }] = (await after.client.get('checkpoints')).json.checkpoints;
    for (const { event_info } of json.data.slice(4)) {
      expect(event_info.gigabyte_hours).toBeCloseTo(size_bytes / 2 / 1e9, 12);
    }
    expect(json.sessions).toEqual({ [session_id]: { user_metadata: { team: 'a' } } });
  });

  it.each([
    ['half an hour', midnight, midnight + hour / 2, 400, /full hours/],
    ['no time', midnight, midnight, 400, /before/],
    ['more than 14 days', midnight, midnight + 337 * hour, 400, /14 days/],
    ['the future', midnight + 48 * hour, midnight + 49 * hour, 400, /future/],
  ])('is refused for %s', async (_what, start, end, status, reason) => {
    await using running = await startServer({ clock: new ManualClock(midnight + hour) });
    const answer = await running.client.get(windowOf(start, end));
    expect([answer.status, answer.json.detail]).toEqual([status, expect.stringMatching(reason)]);
    expect((await running.client.get('billing/usage/events?starting_on=x&ending_before=y')).status).toBe(422);
  });
});

describe('current checkpoint storage (RST-27)', () => {
  it('is summed by project, and for one alone; it costs nothing here', async () => {
    await using running = await startServer();
    const { client } = running;
    await work(running);
    await client.run('save_weights', { model_id: await client.createModel(), seq_id: 1, path: 'w' });
    const { json } = await client.get('billing/usage/checkpoints/current');
    expect(json.data.map((item: { project_id: string }) => item.project_id)).toEqual(['default', 'p']);
    expect(json.data[1]).toMatchObject({
      checkpoint_count: 1,
      size_gigabytes: json.data[1].size_bytes / 1e9,
      estimated_monthly_cost_usd: 0,
      user_email: expect.any(String),
    });
    const one = await client.get('billing/usage/checkpoints/current?project_id=p');
    expect(one.json.data).toEqual([json.data[1]]);
  });
});

describe('the audit log (RST-14)', () => {
  it('has what was done with checkpoints and projects on a day, in order', async () => {
    const clock = new ManualClock(midnight);
    await using running = await startServer({ clock });
    const { client } = running;
    const { session_id, model_id } = await work(running);
    const checkpoint = `training_runs/${model_id}/checkpoints/weights/w`;
    await client.post(`${checkpoint}/publish`);
    await client.send('PUT', `/api/v1/${checkpoint}/ttl`, { ttl_seconds: 3600 });
    await client.send('PUT', `/api/v1/sessions/${session_id}/project`, { project_id: 'q' });
    const tinker_path = `tinker://${model_id}/weights/w`;
    await client.post('copy_weights', { source_path: tinker_path, destination_project_id: 'q' });
    clock.advance(24 * hour);
    const eventsOf = async (query: string): Promise<string[]> =>
      (await client.get(`audit?${query}`)).json.entries.map((entry: { event: string }) => entry.event);
    expect(await eventsOf('day=2026-01-01&event_type=checkpoints')).toEqual([
      'checkpoint_created',
      'checkpoint_published',
      'checkpoint_ttl_set',
      'checkpoint_copied',
    ]);
    expect(await eventsOf('day=2026-01-01&event_type=projects')).toEqual(['project_session_assigned']);
    expect(await eventsOf('day=2026-01-01&event_type=teams')).toEqual([]);
    const today = await client.get('audit');
    expect(today.json.entries).toEqual([
      {
        timestamp: expect.stringMatching(/^2026-01-0/),
        event: 'checkpoint_expired',
        event_details: { actor: 'tml:user:local', tinker_path, model_id },
        tinker_path,
        model_id,
      },
    ]);
    expect((await client.get('audit?day=yesterday')).status).toBe(422);
  });
});

describe('an API key about itself (CLI auth)', () => {
  it('is told who it is, and is refused once it has revoked itself', async () => {
    await using running = await startServer();
    const keyed = new WireClient(running.server.url, { 'x-api-key': 'tml-mine' });
    expect((await keyed.get('auth/apikey/me')).json).toEqual({
      key_id: 1,
      name: 'local',
      note: expect.any(String),
      details: { org_details: { name: 'local' }, user_details: { email: 'local@localhost' } },
    });
    expect((await running.client.get('auth/apikey/me')).status).toBe(401);
    expect((await keyed.send('DELETE', '/api/v1/auth/apikey/me')).status).toBe(204);
    const refused = await keyed.get('sessions');
    expect([refused.status, refused.json.detail]).toEqual([401, expect.stringContaining('was revoked')]);
    expect((await running.client.get('sessions')).status).toBe(200);
  });
});
