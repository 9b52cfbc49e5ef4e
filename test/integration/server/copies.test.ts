import { statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ManualClock } from '../../../src/server/index.ts';
import { startServer, WireClient, type TestServer } from './wire-client.ts';

const clock = new ManualClock();
let running: TestServer;
let client: WireClient;
let model_id: string;
let source_path: string;

beforeAll(async () => {
  running = await startServer({ clock, apiKey: 'tml-key' });
  client = new WireClient(running.server.url, { 'x-api-key': 'tml-key' });
  model_id = await client.createModel();
  const save = { model_id, seq_id: 1, path: 'w', ttl_seconds: 7200, user_metadata: { step: '1' } };
  source_path = (await client.run('save_weights', save)).path;
});
afterAll(() => running[Symbol.asyncDispose]());

const copyTo = (destination_project_id: string, headers?: Record<string, string>) =>
  client.post('copy_weights', { destination_project_id, source_path }, headers);

const runOf = (path: string): string => path.slice('tinker://'.length).split('/')[0] ?? '';

describe('copy_weights (RST-25)', () => {
  it('makes a run of its own in any project: same kind and metadata, no expiry, the files shared', async () => {
    const { tinker_path } = (await copyTo('proj-1')).json;
    expect(tinker_path).toMatch(/^tinker:\/\/.+:train:0\/weights\/w$/);
    expect(runOf(tinker_path)).not.toBe(model_id);
    const runs = await client.get('training_runs?project_id=proj-1');
    expect(runs.json).toMatchObject({
      training_runs: [{ training_run_id: runOf(tinker_path), base_model: 'local/random', lora_rank: 4 }],
      cursor: { total_count: 1 },
    });
    const [checkpoint] = (await client.get(`training_runs/${runOf(tinker_path)}/checkpoints`)).json
      .checkpoints;
    expect(checkpoint).toMatchObject({ tinker_path, user_metadata: { step: '1' }, public: false });
    expect(checkpoint).not.toHaveProperty('expires_at');
    const inodeOf = (run: string): number =>
      statSync(
        join(running.server.dataDir, 'runs', run.replaceAll(':', '_'), 'weights/w/adapter_model.safetensors'),
      ).ino;
    expect(inodeOf(runOf(tinker_path))).toBe(inodeOf(model_id));
    expect((await client.post('weights_info', { tinker_path })).json).toMatchObject({ lora_rank: 4 });
  });

  it('is the same copy under the same idempotency key, and another under another', async () => {
    const first = await copyTo('p', { 'x-idempotency-key': 'one' });
    const again = await copyTo('p', { 'x-idempotency-key': 'one' });
    const other = await copyTo('p', { 'x-idempotency-key': 'two' });
    expect(again.json).toEqual(first.json);
    expect(other.json.tinker_path).not.toBe(first.json.tinker_path);
  });

  it('takes the place of a model in a session, once', async () => {
    const session_id = await client.createSession();
    const body = { session_id, model_seq_id: 3, source_path, ttl_seconds: 3600 };
    const path = `tinker://${session_id}:train:3/weights/w`;
    expect((await client.post('copy_weights', body)).json).toEqual({ tinker_path: path });
    expect((await client.post('copy_weights', body)).json).toEqual({ tinker_path: path });
    const busy = await client.createModel({ sessionId: session_id, counter: 4 });
    const taken = await client.post('copy_weights', { ...body, model_seq_id: 4 });
    expect([taken.status, taken.json.detail]).toEqual([
      422,
      `${busy} exists already: use another model_seq_id`,
    ]);
  });

  it('cannot be trained, but from it a model is made, also when the source is gone', async () => {
    const { tinker_path } = (await copyTo('p')).json;
    const step = { model_id: runOf(tinker_path), seq_id: 1, adam_params: {} };
    expect((await client.post('optim_step', step)).json.detail).toContain(
      'and cannot be trained: create a training client from',
    );
    clock.advance(7200_000);
    expect((await client.post('weights_info', { tinker_path: source_path })).status).toBe(404);
    const session_id = await client.createSession();
    const load = { session_id, model_seq_id: 0, path: tinker_path, optimizer: true };
    expect(await client.run('load_weights', load)).toMatchObject({ type: 'load_weights', path: tinker_path });
    source_path = tinker_path;
  });

  it.each([
    ['no destination', {}, 422, /needs either destination_project_id, or session_id/],
    [
      'two destinations',
      { destination_project_id: 'p', session_id: 's', model_seq_id: 0 },
      422,
      /needs either/,
    ],
    ['half an address', { session_id: 's' }, 422, /needs either/],
    ['an unknown session', { session_id: 's', model_seq_id: 0 }, 404, /Unknown session s/],
    ['no path', { destination_project_id: 'p', source_path: 'w' }, 422, /must look like tinker/],
    [
      'an unknown source',
      { destination_project_id: 'p', source_path: 'tinker://r/weights/w' },
      404,
      /Unknown/,
    ],
    ['an hour too little', { destination_project_id: 'p', ttl_seconds: 5 }, 422, /ttl_seconds must be/],
  ])('is refused with %s', async (_what, change, status, reason) => {
    const answer = await client.post('copy_weights', { source_path, ...change });
    expect([answer.status, answer.json.detail]).toEqual([status, expect.stringMatching(reason)]);
  });

  it('takes a weights access token that is good here, in the header or the body, and no other', async () => {
    const good = await copyTo('p', { 'x-tinker-weights-access-token': 'tml-key' });
    expect(good.status).toBe(200);
    const bad = await copyTo('p', { 'x-tinker-weights-access-token': 'tml-other' });
    expect([bad.status, bad.json.detail]).toEqual([
      403,
      'The weights access token is not one of this server',
    ]);
    const body = { destination_project_id: 'p', source_path, weights_access_token: 'tml-other' };
    expect((await client.post('copy_weights', body)).status).toBe(403);
    const session_id = await client.createSession();
    const load = { session_id, model_seq_id: 0, path: source_path, optimizer: false };
    expect((await client.post('load_weights', { ...load, weights_access_token: 'tml-other' })).status).toBe(
      403,
    );
    expect((await client.post('load_weights', { ...load, weights_access_token: 'tml-key' })).status).toBe(
      200,
    );
    expect(JSON.stringify(running.server.requests)).not.toContain('tml-other');
  });
});
