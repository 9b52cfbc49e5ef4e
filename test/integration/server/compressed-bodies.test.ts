import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  forwardBackwardBytes,
  forwardBackwardJson,
  startServer,
  type TestServer,
  type WireClient,
} from './wire-client.ts';

let running: TestServer;
let client: WireClient;
let modelId: string;

beforeAll(async () => {
  running = await startServer({ compressRequests: true });
  client = running.client;
  modelId = await client.createModel();
});
afterAll(() => running[Symbol.asyncDispose]());

const compressors = { zstd: zstdCompressSync, gzip: gzipSync };
const megabyte = 2 ** 20;

/** A few kilobytes that unpack to more than the server takes; without their size in the header, so that it must be counted. */
function bomb(encoding: keyof typeof compressors): Uint8Array {
  const part = compressors[encoding](Buffer.alloc(megabyte, ' '));
  return Buffer.concat(Array.from({ length: 300 }, () => part));
}

describe('a compressed body', () => {
  it('is asked for by the flag of the option', async () => {
    expect((await client.post('client/config', {})).json.proto_compress_fwdbwd).toBe(true);
  });

  it.each(['zstd', 'gzip'] as const)(
    'of %s gives what the same body gives uncompressed, protobuf and JSON',
    async (encoding) => {
      const model_id = await client.createModel();
      const headers = { 'content-encoding': encoding };
      const lossOf = async (
        body: Uint8Array,
        contentType: string,
        sent: Record<string, string>,
      ): Promise<number> => {
        const { status, json } = await client.post('forward_backward', body, {
          ...sent,
          'content-type': contentType,
        });
        expect(status).toBe(200);
        return (await client.outcome(json.request_id)).json.metrics['loss:sum'];
      };
      const plain = await lossOf(forwardBackwardBytes(model_id, 1), 'application/x-protobuf', {});
      const packed = compressors[encoding](forwardBackwardBytes(model_id, 2));
      expect(await lossOf(packed, 'application/x-protobuf', headers)).toBeCloseTo(plain, 4);
      const json = compressors[encoding](JSON.stringify(forwardBackwardJson(model_id, 3)));
      expect(await lossOf(json, 'application/json', headers)).toBeCloseTo(plain, 4);
    },
  );

  it('is recorded as what it says: a summary of protobuf, and no JSON, which may be huge unpacked', async () => {
    const send = (body: Uint8Array, contentType: string) =>
      client.post('forward_backward', zstdCompressSync(body), {
        'content-encoding': 'zstd',
        'content-type': contentType,
      });
    await send(forwardBackwardBytes(modelId, 1), 'application/x-protobuf');
    await send(Buffer.from(JSON.stringify(forwardBackwardJson(modelId, 2))), 'application/json');
    const [protobuf, json] = running.server.requests.slice(-2);
    expect(protobuf?.body).toMatchObject({ model_id: modelId, seq_id: 1, datumCount: 1 });
    expect(json?.body).toBeUndefined();
  });

  it.each(['zstd', 'gzip'] as const)(
    'of %s that unpacks to more than the limit is refused with 413 and kept nowhere',
    async (encoding) => {
      const body = bomb(encoding);
      expect(body.length).toBeLessThan(megabyte);
      const before = process.memoryUsage().arrayBuffers;
      const answering = client.post('create_session', body, {
        'content-encoding': encoding,
        'content-type': 'application/json',
      });
      let peak = before;
      const watch = setInterval(() => (peak = Math.max(peak, process.memoryUsage().arrayBuffers)), 5);
      const answer = await answering;
      clearInterval(watch);
      expect(answer.status).toBe(413);
      expect(answer.json.detail).toMatch(/larger than 268435456 bytes when it is unpacked/);
      expect(peak - before).toBeLessThan(100 * megabyte);
      expect((await client.get('healthz')).status).toBe(200);
    },
  );

  it.each(['zstd', 'gzip'] as const)(
    'of %s that ends too early or is none is refused with 400, a detail and its length',
    async (encoding) => {
      const whole = compressors[encoding](forwardBackwardBytes(modelId, 7));
      for (const body of [
        whole.subarray(0, whole.length - 4),
        whole.subarray(0, 3),
        Buffer.from('plain text'),
      ]) {
        const answer = await client.post('forward_backward', body, { 'content-encoding': encoding });
        expect([answer.status, answer.json.detail]).toEqual([
          400,
          expect.stringMatching(`^The body is not complete ${encoding}: `),
        ]);
        expect(Number(answer.headers.get('content-length'))).toBe(answer.bytes.length);
      }
    },
  );

  it('may be empty where an empty body may be', async () => {
    const answer = await client.post('telemetry', '', { 'content-encoding': 'gzip' });
    expect(answer.status).toBe(200);
  });

  it('is plain when it says identity', async () => {
    const answer = await client.post(
      'client/config',
      { sdk_version: '0.38.0' },
      { 'content-encoding': 'identity' },
    );
    expect(answer.status).toBe(200);
  });
});
