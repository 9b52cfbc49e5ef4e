import { generate } from 'selfsigned';
import { describe, expect, test } from 'vitest';
import type { RangeSink } from '../../src/workers/range-request.ts';
import { receiveRange } from '../../src/workers/receive-range.ts';
import { networkOfThread } from '../../src/workers/signed-url.ts';
import { noise } from '../helpers/noise.ts';
import { ArchiveServer } from '../helpers/archive-server.ts';

/** A sink that has enough after the first bytes, until `until` resolves. */
function createSink(until: Promise<void>) {
  const buffer = Buffer.alloc(64 * 1024);
  let filledBytes = 0;
  const sink: RangeSink = {
    onBody: () => undefined,
    room: () => buffer.subarray(filledBytes),
    take(byteCount) {
      filledBytes += byteCount;
      return until;
    },
  };
  return { sink, content: () => buffer.subarray(0, filledBytes) };
}

describe('receiveRange', () => {
  test('a connection that rested as its last bytes came serves the next request', async () => {
    const { cert, private: key } = await generate([{ name: 'commonName', value: '127.0.0.1' }], {
      extensions: [
        { name: 'basicConstraints', cA: true },
        { name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] },
      ],
    });
    networkOfThread.ca = cert;
    await using server = await ArchiveServer.start({ cert, key });
    // Three records of TLS, which come out of one read: the last of them when the connection rests already.
    const content = Buffer.concat([...noise('rest', 48_000)]);
    server.archives.set('/one', { content, etag: '"one"' });
    const request = {
      url: server.signedUrl('/one'),
      known: undefined,
      start: 0,
      length: content.length,
      signal: new AbortController().signal,
      stallTimeoutMs: 2_000,
    };
    const gate = Promise.withResolvers<void>();
    const first = createSink(gate.promise);
    const receiving = receiveRange(request, first.sink);
    await expect.poll(() => first.content().length).toBeGreaterThan(0);
    await Promise.race([receiving, expect.poll(() => server.activeCount).toBe(0)]);
    const second = createSink(Promise.resolve());
    expect(await receiveRange(request, second.sink)).toBe('received');
    expect(second.content().equals(content)).toBe(true);
    gate.resolve();
    expect(await receiving).toBe('received');
    expect(first.content().equals(content)).toBe(true);
  });
});
