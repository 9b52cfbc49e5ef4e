import { readdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { extract } from 'tar';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ManualClock } from '../../../src/server/index.ts';
import { makeFolder, startServer, WireClient, type TestServer } from './wire-client.ts';

const clock = new ManualClock();
let running: TestServer;
let client: WireClient;
let model_id: string;

beforeAll(async () => {
  running = await startServer({ clock, archivePendingMs: 5000, apiKey: 'tml-key' });
  client = new WireClient(running.server.url, { 'x-api-key': 'tml-key' });
  model_id = await client.createModel();
  await client.run('save_weights_for_sampler', { model_id, seq_id: 1, path: 's' });
  await client.run('save_weights', { model_id, seq_id: 2, path: 'w' });
});
afterAll(() => running[Symbol.asyncDispose]());

const ask = (id = 'sampler_weights/s') => client.get(`training_runs/${model_id}/checkpoints/${id}/archive`);

/** Fetches without the key, as downloads do. */
const fetchSigned = (url: string, headers: Record<string, string> = {}, method = 'GET') =>
  new WireClient(running.server.url).send(method, url, undefined, headers);

async function signedUrl(id?: string): Promise<string> {
  let answer = await ask(id);
  if (answer.status === 503) {
    clock.advance(5000);
    answer = await ask(id);
  }
  expect(answer.status).toBe(302);
  return answer.headers.get('location') ?? '';
}

describe('asking for an archive', () => {
  it('answers 503 while it is pending, in the way that spares the official client its own retries', async () => {
    const answer = await ask('weights/w');
    expect(answer.status).toBe(503);
    expect(answer.headers.get('retry-after')).toBe('1');
    expect(answer.headers.get('x-should-retry')).toBe('false');
    clock.advance(4999);
    expect((await ask('weights/w')).status).toBe(503);
    clock.advance(1);
    expect((await ask('weights/w')).status).toBe(302);
  });

  it('redirects to a URL that says when it expires', async () => {
    await signedUrl();
    const answer = await ask();
    expect(answer.headers.get('expires')).toBe(new Date(clock.now() + 15 * 60_000).toUTCString());
    expect(answer.headers.get('location')).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/api\/v1\/archives\//);
  });

  it('needs the key, unlike the URL', async () => {
    const path = `training_runs/${model_id}/checkpoints/sampler_weights/s/archive`;
    expect((await new WireClient(running.server.url).get(path)).status).toBe(401);
    expect((await fetchSigned(await signedUrl())).status).toBe(200);
  });

  it('answers 404 for a checkpoint that is not there', async () => {
    expect((await ask('weights/none')).status).toBe(404);
  });

  it('redirects to the host and base path that the client used', async () => {
    await signedUrl();
    const path = `/base/path/api/v1/training_runs/${model_id}/checkpoints/sampler_weights/s/archive`;
    const location = (await client.send('GET', path)).headers.get('location') ?? '';
    expect(location).toContain('/base/path/api/v1/archives/');
    expect((await fetchSigned(location)).status).toBe(200);
  });
});

describe('an archive', () => {
  it.each(['sampler_weights/s', 'weights/w'])(
    'of %s has the adapter and the marker, never the optimizer',
    async (id) => {
      const { bytes, headers } = await fetchSigned(await signedUrl(id));
      expect(headers.get('content-length')).toBe(String(bytes.length));
      expect(headers.get('content-encoding')).toBeNull();
      const folder = makeFolder();
      await writeFile(join(folder, 'a.tar'), bytes);
      await extract({ file: join(folder, 'a.tar'), cwd: folder, strict: true });
      expect(readdirSync(folder).sort()).toEqual([
        'a.tar',
        'adapter_config.json',
        'adapter_model.safetensors',
        'checkpoint_complete',
      ]);
    },
  );

  it('can be fetched in parts that fit together', async () => {
    const url = await signedUrl();
    const whole = await fetchSigned(url);
    const etag = whole.headers.get('etag') ?? '';
    const first = await fetchSigned(url, { range: 'bytes=0-999' });
    const rest = await fetchSigned(url, { range: 'bytes=1000-', 'if-range': etag });
    expect([first.status, rest.status]).toEqual([206, 206]);
    expect(first.headers.get('content-range')).toBe(`bytes 0-999/${whole.bytes.length}`);
    expect(Buffer.concat([first.bytes, rest.bytes]).equals(whole.bytes)).toBe(true);
  });

  it('is sent whole when If-Range names another file, and refused beyond its end', async () => {
    const url = await signedUrl();
    const changed = await fetchSigned(url, { range: 'bytes=1000-', 'if-range': '"other"' });
    expect(changed.status).toBe(200);
    const beyond = await fetchSigned(url, { range: `bytes=${changed.bytes.length}-` });
    expect(beyond.status).toBe(416);
    expect(beyond.headers.get('content-range')).toBe(`bytes */${changed.bytes.length}`);
  });

  it('answers HEAD with its size and no body', async () => {
    const url = await signedUrl();
    const head = await fetchSigned(url, {}, 'HEAD');
    expect(head.status).toBe(200);
    expect(head.headers.get('content-length')).toBe(String((await fetchSigned(url)).bytes.length));
    expect(head.headers.get('accept-ranges')).toBe('bytes');
    expect(head.bytes).toHaveLength(0);
  });

  it('has the same bytes when it is built anew', async () => {
    const before = await fetchSigned(await signedUrl());
    clock.advance(2 * 60 * 60_000);
    const after = await fetchSigned(await signedUrl());
    expect(after.headers.get('etag')).toBe(before.headers.get('etag'));
  });
});

describe('a signed URL', () => {
  it('is refused once it has expired', async () => {
    const url = await signedUrl();
    clock.advance(15 * 60_000);
    const answer = await fetchSigned(url);
    expect(answer.status).toBe(403);
    expect(answer.json.detail).toContain('expired');
  });

  it.each([
    ['for another checkpoint', (url: string) => url.replace('/sampler_weights/s', '/weights/w')],
    ['with a later expiry', (url: string) => url.replace(/expires=\d/, 'expires=9')],
    ['with another signature', (url: string) => url.replace(/signature=./, 'signature=x')],
  ])('is refused %s', async (_what, change) => {
    expect((await fetchSigned(change(await signedUrl()))).status).toBe(403);
  });

  it('is refused without its signature', async () => {
    expect((await fetchSigned((await signedUrl()).split('?')[0] ?? '')).status).toBe(422);
  });
});
