import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeFolder, startServer, until, type TestServer, type WireClient } from './wire-client.ts';

let running: TestServer;
let client: WireClient;
let model_id: string;
/** Of these tests alone: nothing but the data folder is ever in it. */
let surroundings: string;

beforeAll(async () => {
  surroundings = makeFolder();
  running = await startServer({ requestTimeoutMs: 300, dataDir: join(surroundings, 'data') });
  client = running.client;
  model_id = await client.createModel();
});
afterAll(async () => {
  await running[Symbol.asyncDispose]();
  rmSync(surroundings, { recursive: true });
});

/** Writes bytes as they are and gives back everything that is answered until the connection ends. */
async function raw(
  ...parts: string[]
): Promise<{ status: number; detail: unknown; length: string | undefined }> {
  const socket = connect(Number(new URL(running.server.url).port), '127.0.0.1');
  await once(socket, 'connect');
  for (const part of parts) socket.write(part);
  const answer = await text(socket);
  const [head = '', body = ''] = answer.split('\r\n\r\n');
  expect(/content-length: (\d+)/i.exec(head)?.[1]).toBe(String(Buffer.byteLength(body)));
  return {
    status: Number(head.split(' ')[1]),
    detail: JSON.parse(body).detail,
    length: /content-length: (\d+)/i.exec(head)?.[1],
  };
}

const head = (...headers: string[]): string =>
  [
    'POST /api/v1/create_session HTTP/1.1',
    'host: x',
    'content-type: application/json',
    ...headers,
    '',
    '',
  ].join('\r\n');

describe('a request that does not arrive as it should', () => {
  it('is refused at once when it declares 2 GB', async () => {
    const answer = await raw(head('content-length: 2147483648'), '{"tags"');
    expect(answer).toMatchObject({ status: 413, detail: 'The body is larger than 268435456 bytes' });
  });

  it('is given up when it takes too long', async () => {
    const answer = await raw(head('content-length: 100'), '{"tags"');
    expect(answer).toMatchObject({ status: 408, detail: 'The request did not arrive in time' });
  });

  it('is refused when it is no HTTP, or its headers are too large', async () => {
    expect(await raw('hello\r\n\r\n')).toMatchObject({
      status: 400,
      detail: expect.stringContaining('This is no HTTP request'),
    });
    const large = await raw(head(`x-large: ${'x'.repeat(20_000)}`));
    expect(large).toMatchObject({ status: 431, detail: 'The headers are larger than 16 KiB' });
  });
});

describe('JSON that is nested deeply', () => {
  const deep = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`;

  it.each([
    ['a hundred levels', `{"user_metadata":{"a":${deep(100)}}}`],
    ['a million levels', deep(1_000_000)],
    ['a million levels beside a long number', `[9007199254740993,${deep(1_000_000)}]`],
    ['objects', `{"user_metadata":${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}}`],
  ])('is refused with 400: %s', async (_what, body) => {
    const answer = await client.post('create_session', body);
    expect(answer.status).toBe(400);
    expect(answer.json.detail).toMatch(/nested more deeply|not JSON/);
    expect(answer.headers.get('content-length')).toBe(String(answer.bytes.length));
  });

  it('is fine as far as any program needs, with numbers of any length', async () => {
    const user_metadata = `{"a":${deep(40)},"n":12345678901234567890,"list":[12345678901234567890]}`;
    const created = await client.post('create_session', `{"user_metadata":${user_metadata}}`);
    expect(created.status).toBe(200);
    const model = { session_id: created.json.session_id, model_seq_id: 0, base_model: 'local/random' };
    const body = JSON.stringify({ ...model, lora_config: { rank: 1 } }).slice(0, -1);
    const submitted = await client.post(
      'create_model',
      `${body},"user_metadata":${user_metadata},"optimizer_config":{"type":"adamw","n":12345678901234567890}}`,
    );
    await client.outcome(submitted.json.request_id);
    const info = await client.post('get_info', { model_id: `${model.session_id}:train:0` });
    expect(info.json.optimizer_config).toEqual({ type: 'adamw', n: 12345678901234567000 });
  });
});

/** Sends a path that fetch would clean; gives back the status. */
async function sendAsIs(method: string, path: string): Promise<number | undefined> {
  const [response] = await once(request(running.server.url, { method, path }).end(), 'response');
  response.resume();
  return response.statusCode;
}

describe('a name that points elsewhere', () => {
  const names = [
    '..',
    '../x',
    '../../../etc/passwd',
    'a/b',
    'a\\b',
    '.hidden',
    'a\0b',
    'CON:',
    '%2e%2e',
    'ä',
    '',
  ];

  it.each(names)('never leaves the data folder, and is refused: %j', async (name) => {
    for (const [seq_id, operation] of [
      [1, 'save_weights'],
      [2, 'save_weights_for_sampler'],
      [3, 'save_weights_external'],
    ] as const) {
      const answer = await client.post(operation, { model_id, seq_id, path: name });
      expect([operation, answer.status]).toEqual([operation, 422]);
    }
    const escaped = encodeURIComponent(name);
    for (const [method, path] of [
      ['GET', `training_runs/${escaped}`],
      ['GET', `training_runs/${escaped}/checkpoints`],
      ['DELETE', `training_runs/${model_id}/checkpoints/weights/${escaped}`],
      ['POST', `training_runs/${escaped}/checkpoints/weights/${escaped}/publish`],
      ['GET', `training_runs/${model_id}/checkpoints/external_weights/${escaped}/external_weights_urls`],
      ['GET', `training_runs/${escaped}/checkpoints/weights/${escaped}/archive`],
      ['GET', `samplers/${escaped}`],
      ['GET', `sessions/${escaped}`],
    ] as const) {
      const status = await sendAsIs(method, `/api/v1/${path}`);
      // An empty name is another path, which may be that of a list.
      if (name !== '') expect([path, status]).toEqual([path, 404]);
      expect(status).toBeLessThan(500);
    }
    const paths = [`tinker://${name}/weights/${name}`, `tinker://${model_id}/weights/${name}`];
    for (const tinker_path of paths) {
      const info = await client.post('weights_info', { tinker_path });
      expect([404, 422]).toContain(info.status);
    }
    expect(readdirSync(surroundings)).toEqual(['data']);
  });

  it('in a hub path neither', async () => {
    const secret = join(makeFolder(), 'config.json');
    writeFileSync(secret, '{}');
    for (const path of [
      `/local/random/resolve/main/..%2f..%2f..%2fpackage.json`,
      `/local/%2e%2e/resolve/main/config.json`,
      `/local/..%2f..%2f..%2f${encodeURIComponent(dirname(secret))}/resolve/main/config.json`,
      `/..%2fmodels/local/resolve/main/config.json`,
    ]) {
      expect([path, await sendAsIs('GET', path)]).toEqual([path, 404]);
    }
    expect(existsSync(secret)).toBe(true);
  });
});

describe('a thousand polls at once', () => {
  it('are held, and all answered when the operation is done', async () => {
    await using patient = await startServer();
    const { client } = patient;
    const model_id = await client.createModel();
    const submitted = await client.post('optim_step', { model_id, seq_id: 2, adam_params: {} });
    const { request_id } = submitted.json;
    const before = process.memoryUsage().rss;
    const polls = Array.from({ length: 1000 }, () => client.poll(request_id));
    const held = (): number =>
      patient.server.requests.filter(
        ({ route, body }) => route.endsWith('retrieve_future') && body !== undefined,
      ).length;
    await until(() => held() >= 990);
    const step = await client.post('optim_step', { model_id, seq_id: 1, adam_params: {} });
    expect(step.status).toBe(200);
    const statuses = (await Promise.all(polls)).map(({ status }) => status);
    expect(new Set(statuses)).toEqual(new Set([200]));
    expect(process.memoryUsage().rss - before).toBeLessThan(300 * 2 ** 20);
    expect((await client.get('healthz')).status).toBe(200);
  });
});
