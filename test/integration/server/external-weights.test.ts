import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ManualClock } from '../../../src/server/index.ts';
import { startServer, WireClient, type TestServer } from './wire-client.ts';

const clock = new ManualClock();
let running: TestServer;
let client: WireClient;
let model_id: string;
let saved: { path: string; size_bytes: number };

beforeAll(async () => {
  running = await startServer({ clock, apiKey: 'tml-key' });
  client = new WireClient(running.server.url, { 'x-api-key': 'tml-key' });
  model_id = await client.createModel();
  saved = await client.run('save_weights_external', { model_id, seq_id: 1, path: 'e', ttl_seconds: 3600 });
  await client.run('save_weights', { model_id, seq_id: 2, path: 'w' });
});
afterAll(() => running[Symbol.asyncDispose]());

const askUrls = (id = 'external_weights/e') =>
  client.get(`training_runs/${model_id}/checkpoints/${id}/external_weights_urls`);

/** Fetches without the key, as downloads do. */
const fetchSigned = (url: string, headers: Record<string, string> = {}, method = 'GET') =>
  new WireClient(running.server.url).send(method, url, undefined, headers);

describe('save_weights_external (RST-24)', () => {
  it('answers the path with its kind, and the size of the files', async () => {
    expect(saved).toEqual({
      type: 'save_weights_external',
      path: `tinker://${model_id}/external_weights/e`,
      size_bytes: expect.any(Number),
    });
    expect(saved.size_bytes).toBeGreaterThan(1000);
  });

  it('takes its turn once, however often it is sent', async () => {
    const body = { model_id, seq_id: 1, path: 'e' };
    const first = await client.post('save_weights_external', body);
    const second = await client.post('save_weights_external', body);
    expect(second.json).toEqual(first.json);
  });

  it('fails on a name that exists, and refuses what it cannot do', async () => {
    const again = await client.run('save_weights_external', { model_id, seq_id: 3, path: 'e' });
    expect(again).toMatchObject({ category: 'user', error: expect.stringContaining('exists already') });
    const encrypted = { model_id, seq_id: 4, path: 'f', age_encryption_recipients: ['age1abc'] };
    const refused = await client.post('save_weights_external', encrypted);
    expect([refused.status, refused.json.detail]).toEqual([
      422,
      'Encryption of exports (age_encryption_recipients) is not supported by this server',
    ]);
    expect((await client.post('save_weights_external', { model_id, seq_id: 5, path: '../x' })).status).toBe(
      422,
    );
  });
});

describe('external_weights_urls (RST-24)', () => {
  it('gives one signed URL for each file of a PEFT adapter, and when they expire', async () => {
    const { json } = await askUrls();
    expect(Object.keys(json.urls)).toEqual(['adapter_config.json', 'adapter_model.safetensors']);
    expect(json.expires).toBe(new Date(clock.now() + 15 * 60_000).toISOString());
    const config = await fetchSigned(json.urls['adapter_config.json']);
    expect(config.json).toMatchObject({ peft_type: 'LORA', base_model_name_or_path: 'local/random', r: 4 });
    const weights = await fetchSigned(json.urls['adapter_model.safetensors']);
    expect(weights.headers.get('content-length')).toBe(String(weights.bytes.length));
    expect(config.bytes.length + weights.bytes.length).toBe(saved.size_bytes);
  });

  it('serves ranges and HEAD, so that a download can go on where it was cut', async () => {
    const url = (await askUrls()).json.urls['adapter_model.safetensors'];
    const whole = await fetchSigned(url);
    const etag = whole.headers.get('etag') ?? '';
    const rest = await fetchSigned(url, { range: 'bytes=100-', 'if-range': etag });
    expect([rest.status, rest.bytes.equals(whole.bytes.subarray(100))]).toEqual([206, true]);
    const head = await fetchSigned(url, {}, 'HEAD');
    expect(head.headers.get('content-length')).toBe(String(whole.bytes.length));
  });

  it('needs the key, unlike the files, and answers 400 for other kinds, 404 for what is not there', async () => {
    const path = `training_runs/${model_id}/checkpoints/external_weights/e/external_weights_urls`;
    expect((await new WireClient(running.server.url).get(path)).status).toBe(401);
    const other = await askUrls('weights/w');
    expect([other.status, other.json.detail]).toEqual([
      400,
      expect.stringContaining('weights/w is not an export'),
    ]);
    expect((await askUrls('external_weights/none')).status).toBe(404);
  });

  it.each([
    ['for another file', (url: string) => url.replace('adapter_config.json', 'adapter_model.safetensors')],
    [
      'for a file outside',
      (url: string) => url.replace('adapter_config.json', '..%2Fw%2Foptimizer.safetensors'),
    ],
    ['with a later expiry', (url: string) => url.replace(/expires=\d/, 'expires=9')],
    ['without the right signature', (url: string) => url.replace(/signature=./, 'signature=x')],
  ])('signs each URL: refused %s', async (_what, change) => {
    const url = (await askUrls()).json.urls['adapter_config.json'];
    expect((await fetchSigned(change(url))).status).toBe(403);
  });

  it('lists an export as external, with its expiry, to all but clients that know no such kind', async () => {
    const { checkpoints } = (await client.get(`training_runs/${model_id}/checkpoints`)).json;
    expect(checkpoints).toContainEqual(
      expect.objectContaining({
        checkpoint_id: 'external_weights/e',
        checkpoint_type: 'external',
        tinker_path: saved.path,
        size_bytes: saved.size_bytes,
        expires_at: expect.any(String),
      }),
    );
    const idsFor = async (version: string): Promise<string[]> => {
      const headers = { 'user-agent': `AsyncTinker/Python ${version}` };
      const ofRun = await client.get(`training_runs/${model_id}/checkpoints`, headers);
      const ofUser = await client.get('checkpoints', headers);
      expect(ofUser.json.cursor.total_count).toBe(ofRun.json.checkpoints.length);
      return ofRun.json.checkpoints.map((checkpoint: { checkpoint_id: string }) => checkpoint.checkpoint_id);
    };
    expect(await idsFor('0.27.2')).toEqual(['weights/w']);
    expect(await idsFor('0.38.0')).toEqual(['weights/w', 'external_weights/e']);
  });

  it('cannot be trained from, and its URLs end with it', async () => {
    const load = { model_id, seq_id: 6, path: saved.path, optimizer: false };
    expect((await client.post('load_weights', load)).json.detail).toContain('only a training state');
    const url = (await askUrls()).json.urls['adapter_config.json'];
    clock.advance(15 * 60_000);
    expect((await fetchSigned(url)).json.detail).toContain('expired');
    const fresh = (await askUrls()).json.urls['adapter_config.json'];
    const id = `training_runs/${model_id}/checkpoints/external_weights/e`;
    expect((await client.send('DELETE', `/api/v1/${id}`)).status).toBe(204);
    expect((await fetchSigned(fresh)).status).toBe(404);
    expect((await askUrls()).status).toBe(404);
  });
});
