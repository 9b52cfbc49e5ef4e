import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startServer, type TestServer, type WireClient } from './wire-client.ts';

let running: TestServer;
let client: WireClient;
let run: string;

beforeAll(async () => {
  running = await startServer();
  client = running.client;
  run = await client.createModel();
  await client.run('save_weights', { model_id: run, seq_id: 1, path: 'a.b-c' });
});
afterAll(() => running[Symbol.asyncDispose]());

/** Writes a request line and headers as they are; gives back the status line of the answer. */
async function statusOf(...lines: string[]): Promise<string> {
  const socket = connect(Number(new URL(running.server.url).port), '127.0.0.1');
  await once(socket, 'connect');
  socket.write([...lines, 'host: x', 'connection: close', '', ''].join('\r\n'));
  return (await text(socket)).split('\r\n')[0] ?? '';
}

describe('addresses of runs and checkpoints (wire-protocol 2.1)', () => {
  it('have colons and slashes as they are, or escaped', async () => {
    const escaped = encodeURIComponent(run);
    for (const id of [run, escaped]) {
      expect(await statusOf(`GET /api/v1/training_runs/${id} HTTP/1.1`)).toContain('200');
      expect(await statusOf(`GET /any/base/api/v1/training_runs/${id}/checkpoints/ HTTP/1.1`)).toContain(
        '200',
      );
      expect(
        await statusOf(`GET /api/v1/training_runs/${id}/checkpoints/weights/a.b-c/archive HTTP/1.1`),
      ).toContain('302');
    }
    expect(escaped).toContain('%3A');
  });

  it('tell unpublishing from deleting, with bodies that are empty whatever the content type says', async () => {
    const at = `/api/v1/training_runs/${run}/checkpoints/weights/a.b-c`;
    const json = 'content-type: application/json';
    expect(await statusOf(`POST ${at}/publish HTTP/1.1`, json, 'content-length: 0')).toContain('204');
    expect((await client.get('checkpoints')).json.checkpoints[0].public).toBe(true);
    expect(await statusOf(`DELETE ${at}/publish HTTP/1.1`, json)).toContain('204');
    expect((await client.get('checkpoints')).json.checkpoints[0]).toMatchObject({
      public: false,
      base_model: 'local/random',
    });
    expect(await statusOf(`DELETE ${at} HTTP/1.1`, json)).toContain('204');
    expect(await statusOf(`DELETE ${at} HTTP/1.1`, json)).toContain('404');
  });
});

it('answers 400 with its length, and never compressed (wire-protocol 1.12)', async () => {
  const headers = { 'accept-encoding': 'gzip, zstd' };
  const path = `training_runs/${run}/checkpoints/weights/a/ttl`;
  for (const answer of [
    await client.send('PUT', `/api/v1/${path}`, { ttl_seconds: 1 }, headers),
    await client.post('create_session', '{', headers),
    await client.get('training_runs/%zz', headers),
    await client.get(
      'billing/usage/events?starting_on=2026-01-01T00:30:00Z&ending_before=2026-01-01T01:00:00Z',
      headers,
    ),
  ]) {
    expect(answer.status).toBe(400);
    expect(answer.headers.get('content-encoding')).toBeNull();
    expect(Number(answer.headers.get('content-length'))).toBe(answer.bytes.length);
    expect(answer.json.detail).not.toBe('');
  }
});
