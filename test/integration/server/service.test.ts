import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ManualClock } from '../../../src/server/index.ts';
import { startServer, until, WireClient, type TestServer } from './wire-client.ts';

let running: TestServer;
let client: WireClient;

beforeAll(async () => {
  running = await startServer();
  client = running.client;
});
afterAll(() => running[Symbol.asyncDispose]());

describe('starting up', () => {
  it('answers what a client asks first', async () => {
    expect((await client.get('healthz')).json).toEqual({ status: 'ok' });
    expect((await client.post('client/config', { sdk_version: '0.38.0' })).json).toMatchObject({
      pjwt_auth_enabled: false,
      create_model_via_load_weights: true,
    });
    expect((await client.post('client/dynamic_config', {})).json).toEqual({
      refresh_interval_sec: 300,
      sample_cancel_enabled: true,
      sample_cancel_max_batch_size: 64,
    });
    expect((await client.post('telemetry', { events: [] })).json).toEqual({ status: 'accepted' });
  });

  it('names both models with what can be done with them', async () => {
    const { supported_models } = (await client.get('get_server_capabilities')).json;
    expect(supported_models.map((model: { model_name: string }) => model.model_name).sort()).toEqual([
      'local/random',
      'local/stories-1m',
    ]);
    expect(supported_models[0]).toMatchObject({
      max_context_length: 1024,
      trainable: true,
      sampleable: true,
    });
  });

  it('speaks under any base path', async () => {
    expect((await client.send('GET', '/services/tinker-prod/api/v1/healthz')).json).toEqual({ status: 'ok' });
  });
});

describe('what is not there', () => {
  it('is a 404 that says so, with its length and without compression', async () => {
    const answer = await client.send('GET', '/api/v1/nothing', undefined, { 'accept-encoding': 'gzip' });
    expect(answer.status).toBe(404);
    expect(answer.json.detail).toMatch(/^No such route: GET \/api\/v1\/nothing/);
    expect(answer.headers.get('content-length')).toBe(String(answer.bytes.length));
    expect(answer.headers.get('content-encoding')).toBeNull();
  });

  it.each([
    ['POST', 'auth/token', 'Token exchange'],
    ['POST', 'checkpoints/search', 'Searching checkpoints'],
    ['POST', 'create_custom_loss', 'Uploading a custom loss'],
  ])('is refused by name: %s %s', async (method, path, name) => {
    const answer = await client.send(method, `/api/v1/${path}`, method === 'GET' ? undefined : {});
    expect(answer.status).toBe(404);
    expect(answer.json.detail).toMatch(new RegExp(`^${name}.* not supported by this server$`));
  });
});

describe('sessions', () => {
  it('are listed newest first with what belongs to them', async () => {
    const body = { tags: ['t'], user_metadata: { a: 'b', n: 1 }, display_name: 'nightly', project_id: 'p' };
    const { session_id } = (await client.post('create_session', body)).json;
    expect((await client.get('sessions?limit=1')).json).toEqual({ sessions: [session_id] });
    expect((await client.get(`sessions/${session_id}`)).json).toEqual({
      training_run_ids: [],
      sampler_ids: [],
      user_metadata: { a: 'b' },
      display_name: 'nightly',
    });
    expect((await client.post('session_heartbeat', { session_id })).json).toEqual({
      type: 'session_heartbeat',
    });
    expect((await client.post('session_heartbeat', { session_id: 'nobody' })).status).toBe(404);
  });

  it('end when their client is silent for too long, and live on while it gives signs', async () => {
    const clock = new ManualClock();
    await using other = await startServer({ clock, sessionTimeoutMs: 120_000 });
    const [silent, lively] = [await other.client.createSession(), await other.client.createSession()];
    clock.advance(90_000);
    await other.client.post('session_heartbeat', { session_id: lively });
    clock.advance(60_000);
    const heartbeat = await other.client.post('session_heartbeat', { session_id: silent });
    expect(heartbeat.status).toBe(410);
    expect(heartbeat.json.detail).toContain('expired: no heartbeat');
    expect((await other.client.post('session_heartbeat', { session_id: lively })).status).toBe(200);
  });
});

describe('an API key', () => {
  it('is asked of every request, whatever it asks for', async () => {
    await using other = await startServer({ apiKey: 'tml-secret' });
    const { url } = other.server;
    const paths = ['get_server_capabilities', 'healthz', 'nothing', 'auth/apikey/me', 'sessions/x/y/z'];
    const hubFile = '/local/random/resolve/main/config.json';
    for (const headers of [{}, { 'x-api-key': 'tml-other' }, { authorization: 'Bearer tml-other' }]) {
      const stranger = new WireClient(url, headers);
      for (const path of [...paths.map((rest) => `/api/v1/${rest}`), hubFile, '/', '/%zz']) {
        const answer = await stranger.send('GET', path);
        expect([path, answer.status]).toEqual([path, path === '/%zz' ? 400 : 401]);
        expect(answer.json.detail).toContain(path === '/%zz' ? 'not a valid url' : 'Invalid API key');
      }
    }
    const keyed = new WireClient(url, { 'x-api-key': 'tml-secret' });
    expect((await keyed.get('sessions')).status).toBe(200);
    expect((await keyed.get('healthz')).status).toBe(200);
    expect((await keyed.send('GET', hubFile)).status).toBe(200);
    expect((await other.client.get('sessions', { authorization: 'Bearer tml-secret' })).status).toBe(401);
    // Tokenizer libraries send what HF_TOKEN says in this way.
    const bearer = await other.client.send('GET', hubFile, undefined, { authorization: 'Bearer tml-secret' });
    expect(bearer.status).toBe(200);
  });
});

describe('the record of requests', () => {
  it('tells route, path, status and body, and no key', async () => {
    const keyed = new WireClient(client.url, { 'x-api-key': 'tml-secret', 'x-sdk-method': 'Test.method' });
    await keyed.send('POST', '/base/api/v1/session_heartbeat', { session_id: 'nobody' });
    await until(() => running.server.requests.at(-1)?.status !== undefined);
    const record = running.server.requests.at(-1);
    expect(record).toMatchObject({
      method: 'POST',
      route: '/api/v1/session_heartbeat',
      path: '/base/api/v1/session_heartbeat',
      status: 404,
      headers: { 'x-sdk-method': 'Test.method' },
      body: { session_id: 'nobody' },
    });
    expect(JSON.stringify(record)).not.toContain('tml-secret');
  });

  it('keeps the body of telemetry out, since that may hold keys', async () => {
    await client.post('telemetry', { events: [{ headers: { 'x-api-key': 'tml-secret' } }] });
    expect(running.server.requests.at(-1)).toMatchObject({ route: '/api/v1/telemetry', body: undefined });
  });
});

describe('what could open something', () => {
  it('is hidden in the record: signatures and access tokens', async () => {
    await client.get('archives/r/weights/a?expires=1&signature=abc');
    expect(running.server.requests.at(-1)?.path).toBe(
      '/api/v1/archives/r/weights/a?expires=1&signature=hidden',
    );
    const load = { model_id: 'nobody', path: 'tinker://r/weights/a', optimizer: false };
    await client.post('load_weights', { ...load, weights_access_token: 'tml-other' });
    expect(running.server.requests.at(-1)?.body).toEqual({ ...load, weights_access_token: 'hidden' });
  });
});

describe('closing', () => {
  it('lets a held poll go, may be repeated, and frees the folder', async () => {
    await using other = await startServer({ clock: new ManualClock() });
    const model_id = await other.client.createModel();
    const { json } = await other.client.post('optim_step', { model_id, seq_id: 2, adam_params: {} });
    const poll = other.client.poll(json.request_id);
    await until(() => other.server.requests.at(-1)?.route === '/api/v1/retrieve_future');
    await Promise.all([other.server.close(), other.server.close()]);
    expect((await poll).status).toBe(408);
    await using again = await startServer({ dataDir: other.server.dataDir });
    expect((await again.client.get(`training_runs/${model_id}`)).status).toBe(200);
  });
});
