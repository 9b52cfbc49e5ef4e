import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startServer, type TestServer, type WireClient } from './wire-client.ts';

let running: TestServer;
let client: WireClient;

beforeAll(async () => {
  running = await startServer();
  client = running.client;
});
afterAll(() => running[Symbol.asyncDispose]());

describe('the hub paths', () => {
  it.each(['tokenizer.json', 'tokenizer_config.json', 'config.json'])(
    'give %s as it lies in the models folder',
    async (file) => {
      const answer = await client.send('GET', `/local/stories-1m/resolve/main/${file}`);
      expect(answer.status).toBe(200);
      expect(answer.bytes.equals(readFileSync(`models/local/stories-1m/${file}`))).toBe(true);
    },
  );

  it('answer HEAD with what tokenizer libraries look for', async () => {
    const head = await client.send('HEAD', '/local/random/resolve/main/tokenizer.json');
    const get = await client.send('GET', '/local/random/resolve/main/tokenizer.json');
    expect(head.status).toBe(200);
    expect(head.headers.get('etag')).toMatch(/^"[0-9a-f]{64}"$/);
    expect(head.headers.get('x-repo-commit')).toMatch(/^[0-9a-f]{40}$/);
    expect(head.headers.get('content-length')).toBe(String(get.bytes.length));
    expect(head.bytes).toHaveLength(0);
    for (const name of ['etag', 'x-repo-commit']) expect(get.headers.get(name)).toBe(head.headers.get(name));
  });

  it('tell a missing file from a missing model in the words of the hub', async () => {
    const file = await client.send('HEAD', '/local/random/resolve/main/none.json');
    expect([file.status, file.headers.get('x-error-code')]).toEqual([404, 'EntryNotFound']);
    const model = await client.send('GET', '/local/none/resolve/main/config.json');
    expect([model.status, model.headers.get('x-error-code')]).toEqual([404, 'RepoNotFound']);
  });

  it.each([
    '/local/random/resolve/main/%2e%2e%2fstories-1m%2fconfig.json',
    '/local/%2e%2e/resolve/main/package.json',
    '/%2e%2e/models/resolve/main/config.json',
    '/local/random%2f..%2fstories-1m/resolve/main/config.json',
    '/local/random/resolve/main/%2fetc%2fpasswd',
    '/local/random/resolve/main/config.json%00',
  ])('never leave the folder of a model: %s', async (path) => {
    expect((await client.send('GET', path)).status).toBe(404);
  });
});
