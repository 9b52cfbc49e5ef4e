import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startServer, type TestServer, type WireClient } from './wire-client.ts';

let running: TestServer;
let client: WireClient;

beforeAll(async () => {
  running = await startServer();
  client = running.client;
});
afterAll(() => running[Symbol.asyncDispose]());

/** Words of `detail`, be it a text or a list of field errors. */
const words = (detail: unknown): string => (typeof detail === 'string' ? detail : JSON.stringify(detail));

describe('a request of REST that cannot be right is refused with its reason', () => {
  it.each<[string, string, unknown, number, RegExp]>([
    ['GET', 'sessions?limit=-1', undefined, 422, /limit/],
    ['GET', 'checkpoints?offset=x', undefined, 422, /offset/],
    ['GET', 'sessions/nobody', undefined, 404, /Unknown session nobody/],
    ['POST', 'sessions/nobody/finish', { reason: { type: 'success' } }, 404, /Unknown session nobody/],
    ['GET', 'training_runs/nobody', undefined, 404, /Unknown training run nobody/],
    ['GET', 'training_runs/nobody/checkpoints', undefined, 404, /Unknown training run nobody/],
    [
      'DELETE',
      'training_runs/r/checkpoints/weights/a',
      undefined,
      404,
      /Unknown checkpoint tinker:\/\/r\/weights\/a/,
    ],
    ['DELETE', 'training_runs/r/checkpoints/weights/%2e%2e%2fb', undefined, 404, /Unknown checkpoint/],
    ['DELETE', 'training_runs/r/checkpoints/secrets/a', undefined, 422, /kind/],
    [
      'PUT',
      'training_runs/r/checkpoints/weights/a/ttl',
      { ttl_seconds: 1 },
      400,
      /ttl_seconds must be between/,
    ],
    ['PUT', 'training_runs/r/checkpoints/weights/a/ttl', {}, 422, /ttl_seconds/],
    ['GET', 'training_runs/r/checkpoints/weights/a/archive', undefined, 404, /Unknown checkpoint/],
  ])('%s %s', async (method, path, body, status, reason) => {
    const answer = await client.send(method, `/api/v1/${path}`, body);
    expect([answer.status, words(answer.json?.detail)]).toEqual([status, expect.stringMatching(reason)]);
  });
});

describe('an encoding that this server does not read', () => {
  it('is refused with 415', async () => {
    const brotli = await client.post('forward_backward', new Uint8Array(4), { 'content-encoding': 'br' });
    expect([brotli.status, brotli.json.detail]).toEqual([
      415,
      'Content-Encoding br is not supported by this server, which reads zstd and gzip',
    ]);
    const xml = await client.post('create_session', '<a/>', { 'content-type': 'application/xml' });
    expect(xml.status).toBe(415);
  });
});
