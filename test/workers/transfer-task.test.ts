import { mkdtempDisposable, readFile, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { PartFacts } from '../../src/workers/protocol.ts';
import { transferArchive } from '../../src/workers/transfer-task.ts';
import { ArchiveServer } from '../helpers/archive-server.ts';
import { patternBytes } from '../helpers/archives.ts';
import { recordingContext } from '../helpers/task-context.ts';

const content = patternBytes(2_500_000);
const path = '/checkpoint.tar';

async function setUp() {
  const server = await ArchiveServer.start();
  const folder = await mkdtempDisposable(join(tmpdir(), 'transfer-'));
  onTestFinished(async () => {
    await server[Symbol.asyncDispose]();
    await folder.remove();
  });
  server.put(path, content);
  const partPath = join(folder.path, 'target.part');
  const context = recordingContext();
  const transfer = (known?: PartFacts, url = server.signedUrl(path)) =>
    transferArchive({ url, partPath, known, stallTimeoutMs: 10_000 }, context);
  return { server, folder: folder.path, partPath, context, transfer };
}

const known = { etag: '"one"', totalBytes: content.length };

describe('transferArchive', () => {
  test('writes the archive to the part file and tells its facts before the first byte', async () => {
    const { server, partPath, context, transfer } = await setUp();
    expect(await transfer()).toEqual({ kind: 'complete', receivedBytes: content.length });
    expect(content.equals(await readFile(partPath))).toBe(true);
    expect(context.parts).toEqual([known]);
    expect(context.progress.at(-1)).toMatchObject({
      phase: 'transferring',
      receivedBytes: content.length,
      totalBytes: content.length,
    });
    expect(server.requests[0]?.range).toBeUndefined();
  });

  test('asks for the bytes as they are, and sends neither key nor cookie to the signed address', async () => {
    const { server, transfer } = await setUp();
    await transfer();
    const headers = server.requests[0]?.headers;
    expect(headers?.['accept-encoding']).toBe('identity');
    expect(Object.keys(headers ?? {}).toSorted()).toEqual(['accept-encoding', 'connection', 'host']);
  });

  test('keeps the bytes of a connection that broke and fetches only the rest, under the same validator', async () => {
    const { server, partPath, context, transfer } = await setUp();
    server.effects.push({ kind: 'cut', afterBytes: 1_700_000 });
    const broken = await transfer();
    expect(broken).toMatchObject({ kind: 'transient', error: { code: 'connection' } });
    const { size } = await stat(partPath);
    expect(size).toBeGreaterThan(0);
    expect(broken).toMatchObject({ receivedBytes: size });
    expect(await transfer(known)).toEqual({ kind: 'complete', receivedBytes: content.length });
    expect(server.requests[1]).toMatchObject({ range: `bytes=${size}-`, ifRange: '"one"' });
    expect(content.equals(await readFile(partPath))).toBe(true);
    expect(context.progress.at(-1)).toMatchObject({
      receivedBytes: content.length,
      totalBytes: content.length,
    });
  });

  test('asks for nothing when the part is complete already', async () => {
    const { server, partPath, transfer } = await setUp();
    await writeFile(partPath, content);
    expect(await transfer(known)).toEqual({ kind: 'complete', receivedBytes: content.length });
    expect(server.requests).toEqual([]);
  });

  test.each([
    ['nothing is known of it', undefined],
    ['the server gave no strong validator', { totalBytes: content.length }],
  ])('starts again over a part when %s', async (_why, facts) => {
    const { server, partPath, transfer } = await setUp();
    await writeFile(partPath, 'left by somebody');
    expect(await transfer(facts)).toMatchObject({ kind: 'complete' });
    expect(server.requests[0]?.range).toBeUndefined();
    expect(content.equals(await readFile(partPath))).toBe(true);
  });

  test('does not take a weak validator for one', async () => {
    const { server, context, transfer } = await setUp();
    server.put(path, content, 'W/"one"');
    await transfer();
    expect(context.parts).toEqual([{ etag: undefined, totalBytes: content.length }]);
  });

  test('finishes an archive whose length is not announced', async () => {
    const { server, context, transfer } = await setUp();
    server.archives.set(path, { content, etag: '"one"', announceLength: false });
    expect(await transfer()).toEqual({ kind: 'complete', receivedBytes: content.length });
    expect(context.parts).toEqual([{ etag: '"one"', totalBytes: undefined }]);
  });

  test('calls the part stale when the archive has changed', async () => {
    const { server, partPath, transfer } = await setUp();
    await writeFile(partPath, content.subarray(0, 1000));
    server.put(path, patternBytes(2_500_000, 7), '"two"');
    expect(await transfer(known)).toMatchObject({ kind: 'stale' });
  });

  test.each([
    ['answers the whole archive', { kind: 'wholeArchive' as const }],
    ['gives another range than asked for', { kind: 'wrongRange' as const }],
    ['says the range is beyond the end', { kind: 'reply' as const, status: 416 }],
  ])('calls the part stale when the server %s', async (_what, effect) => {
    const { server, partPath, transfer } = await setUp();
    await writeFile(partPath, content.subarray(0, 1000));
    server.effects.push(effect);
    expect(await transfer(known)).toMatchObject({ kind: 'stale' });
  });

  test.each([403, 404, 410])('takes %i for an expired address and keeps the bytes', async (status) => {
    const { server, partPath, transfer } = await setUp();
    await writeFile(partPath, content.subarray(0, 1000));
    server.effects.push({ kind: 'reply', status });
    expect(await transfer(known)).toMatchObject({ kind: 'urlExpired', receivedBytes: 1000 });
    expect((await stat(partPath)).size).toBe(1000);
  });

  test.each([408, 429, 500, 503])(
    'takes %i as passing, with the wait the server asks for',
    async (status) => {
      const { server, transfer } = await setUp();
      server.effects.push({ kind: 'reply', status, headers: { 'retry-after': '7' } });
      expect(await transfer()).toMatchObject({ kind: 'transient', retryAfterMs: 7000 });
    },
  );

  test.each([400, 401, 418])(
    'takes %i as final and repeats nothing of the body or the query',
    async (status) => {
      const { server, transfer } = await setUp();
      server.effects.push({ kind: 'reply', status, body: '<StringToSign>secret-1</StringToSign>' });
      const outcome = await transfer();
      expect(outcome).toMatchObject({ kind: 'failed' });
      expect(JSON.stringify(outcome)).toContain(path);
      expect(JSON.stringify(outcome)).not.toContain('secret');
    },
  );

  test('follows redirects, and gives up when they do not end', async () => {
    const { server, partPath, transfer } = await setUp();
    server.effects.push({ kind: 'reply', status: 302, headers: { location: server.signedUrl(path) } });
    expect(await transfer(undefined, server.signedUrl('/elsewhere'))).toMatchObject({ kind: 'complete' });
    expect(content.equals(await readFile(partPath))).toBe(true);
    for (let count = 0; count < 6; count++) {
      server.effects.push({ kind: 'reply', status: 302, headers: { location: server.signedUrl(path) } });
    }
    await expect(transfer()).rejects.toThrow('redirected more than 5 times');
  });

  test.each(['file:///etc/passwd?secret', 'not a URL ?secret', 'ftp://127.0.0.1/x?secret'])(
    'refuses the address %s without showing its query',
    async (url) => {
      const { transfer } = await setUp();
      const failure = await transfer(undefined, url).catch((error: unknown) => String(error));
      expect(failure).toContain('no http or https URL');
      expect(failure).not.toContain('secret');
    },
  );

  test('refuses an archive that cannot fit on the disk before it writes a byte', async () => {
    const { server, partPath, transfer } = await setUp();
    server.effects.push({ kind: 'reply', status: 200, headers: { 'content-length': String(2 ** 52) } });
    await expect(transfer()).rejects.toMatchObject({ code: 'disk_full' });
    expect((await stat(partPath)).size).toBe(0);
  });

  test('breaks off a connection that has gone silent and keeps what came before', async () => {
    const { server, partPath, context } = await setUp();
    const { promise: never } = Promise.withResolvers<void>();
    server.effects.push({ kind: 'hold', afterBytes: 5000, until: never });
    const outcome = await transferArchive(
      { url: server.signedUrl(path), partPath, stallTimeoutMs: 50 },
      context,
    );
    expect(outcome).toMatchObject({ kind: 'transient', error: { code: 'timeout' }, receivedBytes: 5000 });
    expect((await stat(partPath)).size).toBe(5000);
  });

  test('a refused connection is passing, and its message has no query', async () => {
    const { server, transfer } = await setUp();
    const url = server.signedUrl(path);
    await server[Symbol.asyncDispose]().catch(() => undefined);
    const outcome = await transfer(undefined, url);
    expect(outcome).toMatchObject({ kind: 'transient', error: { code: 'connection' } });
    expect(JSON.stringify(outcome)).not.toContain('secret');
  });

  test('stops when cancelled', async () => {
    const { server, context, transfer } = await setUp();
    const { promise: never } = Promise.withResolvers<void>();
    server.effects.push({ kind: 'hold', afterBytes: 5000, until: never });
    const outcome = transfer();
    await expect.poll(() => context.parts.length).toBe(1);
    context.abort();
    expect(await outcome).toEqual({ kind: 'cancelled' });
  });

  test('says what is wrong when the part file cannot be written', async () => {
    const { server, folder, context } = await setUp();
    const partPath = join(folder, 'absent', 'target.part');
    const failing = transferArchive({ url: server.signedUrl(path), partPath, stallTimeoutMs: 1000 }, context);
    await expect(failing).rejects.toMatchObject({
      code: 'file_access',
      message: expect.stringContaining(partPath),
    });
  });
});
