import { mkdtempDisposable, readFile, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { crc32c } from '../../src/workers/crc32c.ts';
import { fetchPiece } from '../../src/workers/fetch-task.ts';
import type { FetchInput, ObjectFacts } from '../../src/workers/protocol.ts';
import { ArchiveServer } from '../helpers/archive-server.ts';
import { patternBytes } from '../helpers/archives.ts';
import { recordingContext } from '../helpers/task-context.ts';

const content = patternBytes(2_500_000);
const urlPath = '/weights.bin';
const known: ObjectFacts = { etag: '"one"', sizeBytes: content.length };

async function setUp() {
  const server = await ArchiveServer.start();
  const folder = await mkdtempDisposable(join(tmpdir(), 'fetch-'));
  onTestFinished(async () => {
    await server[Symbol.asyncDispose]();
    await folder.remove();
  });
  server.put(urlPath, content);
  const path = join(folder.path, 'weights.bin');
  const context = recordingContext();
  const fetch = (input: Partial<FetchInput> = {}) =>
    fetchPiece(
      {
        url: input.url ?? server.signedUrl(urlPath),
        file: 'weights.bin',
        path,
        offset: 0,
        objectOffset: 0,
        length: content.length,
        known: undefined,
        stallTimeoutMs: 10_000,
        ...input,
      },
      context,
    );
  return { server, folder: folder.path, path, context, fetch };
}

function pieceOf(offset: number, length: number) {
  return { file: 'weights.bin', offset, length, crc32c: crc32c(content.subarray(offset, offset + length)) };
}

describe('fetchPiece', () => {
  test('asks for the range and tells the facts of the object, the piece and its checksum', async () => {
    const { server, path, context, fetch } = await setUp();
    expect(await fetch({ length: 1_500_000 })).toEqual({ kind: 'fetched', whole: false });
    expect(content.subarray(0, 1_500_000).equals(await readFile(path))).toBe(true);
    expect(context.objects).toEqual([{ etag: '"one"', sizeBytes: content.length, checksums: undefined }]);
    expect(context.pieces).toEqual([pieceOf(0, 1_500_000)]);
    expect(context.receivedBytes).toBe(1_500_000);
    expect(server.requests).toMatchObject([{ range: 'bytes=0-1499999', ifRange: undefined }]);
  });

  test('writes a piece to its place under the validator, and leaves what is around it', async () => {
    const { server, path, context, fetch } = await setUp();
    await writeFile(path, content);
    await fetch({ offset: 500, objectOffset: 1_000_000, length: 2000, known });
    const expected = Buffer.from(content);
    content.copy(expected, 500, 1_000_000, 1_002_000);
    expect(expected.equals(await readFile(path))).toBe(true);
    expect(context.pieces).toMatchObject([{ offset: 500, length: 2000 }]);
    expect(context.objects).toEqual([{ ...known, checksums: undefined }]);
    expect(server.requests).toMatchObject([{ range: 'bytes=1000000-1001999', ifRange: '"one"' }]);
  });

  test('asks for the bytes as they are, and sends neither key nor cookie to the signed address', async () => {
    const { server, fetch } = await setUp();
    await fetch();
    const headers = server.requests[0]?.headers;
    expect(headers?.['accept-encoding']).toBe('identity');
    expect(Object.keys(headers ?? {}).toSorted()).toEqual(['accept-encoding', 'connection', 'host', 'range']);
  });

  test('keeps what came before a connection broke', async () => {
    const { server, path, context, fetch } = await setUp();
    server.effects.push({ kind: 'cut', afterBytes: 1_700_000 });
    expect(await fetch({ known })).toMatchObject({ kind: 'transient', error: { code: 'connection' } });
    const [piece] = context.pieces;
    const length = piece?.length ?? 0;
    expect(length).toBeGreaterThan(0);
    expect(context.pieces).toEqual([pieceOf(0, length)]);
    expect(content.subarray(0, length).equals((await readFile(path)).subarray(0, length))).toBe(true);
  });

  test('takes the whole object where the server knows no ranges, over what was there', async () => {
    const { server, path, context, fetch } = await setUp();
    await writeFile(path, patternBytes(3_000_000, 9));
    server.effects.push({ kind: 'wholeArchive' });
    expect(await fetch({ length: 1000 })).toEqual({ kind: 'fetched', whole: true });
    expect(content.equals(await readFile(path))).toBe(true);
    expect(context.pieces).toEqual([pieceOf(0, content.length)]);
    expect(server.requests).toHaveLength(1);
  });

  test('tells no piece of a whole object that was cut: nothing can be put behind it', async () => {
    const { server, context, fetch } = await setUp();
    server.archives.set(urlPath, { content, etag: undefined });
    // The range comes without a validator, and then all of it.
    server.effects.push({ kind: 'cut', afterBytes: 1_700_000 }, { kind: 'cut', afterBytes: 1_700_000 });
    expect(await fetch()).toMatchObject({ kind: 'transient' });
    expect(context.pieces).toEqual([]);
  });

  test.each([
    ['no validator', undefined],
    ['only a weak one', 'W/"one"'],
  ])('asks again for all of it where the server gives ranges with %s', async (_what, etag) => {
    const { server, path, context, fetch } = await setUp();
    server.archives.set(urlPath, { content, etag });
    expect(await fetch({ length: 1000 })).toEqual({ kind: 'fetched', whole: true });
    expect(content.equals(await readFile(path))).toBe(true);
    expect(server.requests.map(({ range }) => range)).toEqual(['bytes=0-999', undefined]);
    expect(context.objects).toMatchObject([{ etag: undefined, sizeBytes: content.length }]);
  });

  test('finishes an object whose length is not announced, and one that is empty', async () => {
    const { server, path, context, fetch } = await setUp();
    server.archives.set(urlPath, { content, etag: undefined, announceLength: false });
    expect(await fetch()).toEqual({ kind: 'fetched', whole: true });
    expect(context.pieces).toEqual([pieceOf(0, content.length)]);
    server.put(urlPath, Buffer.alloc(0));
    expect(await fetch()).toEqual({ kind: 'fetched', whole: true });
    expect((await stat(path)).size).toBe(0);
  });

  test('calls what is there stale when the object has changed', async () => {
    const { server, context, fetch } = await setUp();
    server.put(urlPath, patternBytes(2_500_000, 7), '"two"');
    expect(await fetch({ known })).toMatchObject({ kind: 'stale' });
    expect(context.pieces).toEqual([]);
  });

  test.each([
    ['answers the whole object', { kind: 'wholeArchive' as const }],
    ['gives another range than asked for', { kind: 'wrongRange' as const }],
    ['says the range is beyond the end', { kind: 'reply' as const, status: 416 }],
  ])('calls what is there stale when the server %s', async (_what, effect) => {
    const { server, fetch } = await setUp();
    server.effects.push(effect);
    expect(await fetch({ offset: 1000, objectOffset: 1000, length: 100, known })).toMatchObject({
      kind: 'stale',
    });
  });

  test.each([403, 404, 410])('takes %i for an expired address', async (status) => {
    const { server, fetch } = await setUp();
    server.effects.push({ kind: 'reply', status });
    expect(await fetch({ known })).toMatchObject({ kind: 'urlExpired' });
  });

  test('follows redirects, and gives up when they do not end', async () => {
    const { server, path, fetch } = await setUp();
    server.effects.push({ kind: 'reply', status: 302, headers: { location: server.signedUrl(urlPath) } });
    expect(await fetch({ url: server.signedUrl('/elsewhere') })).toMatchObject({ kind: 'fetched' });
    expect(content.equals(await readFile(path))).toBe(true);
    for (let count = 0; count < 6; count++) {
      server.effects.push({ kind: 'reply', status: 302, headers: { location: server.signedUrl(urlPath) } });
    }
    await expect(fetch()).rejects.toThrow('redirected more than 5 times');
  });

  test.each(['file:///etc/passwd?secret', 'not a URL ?secret', 'ftp://127.0.0.1/x?secret'])(
    'refuses the address %s without showing its query',
    async (url) => {
      const { fetch } = await setUp();
      const failure = await fetch({ url }).catch((error: unknown) => String(error));
      expect(failure).toContain('no http or https URL');
      expect(failure).not.toContain('secret');
    },
  );

  test('keeps its connection from piece to piece, and asks once more when the server has closed it', async () => {
    const { server, fetch } = await setUp();
    await fetch({ length: 1000, known });
    await fetch({ offset: 1000, objectOffset: 1000, length: 1000, known });
    expect(server.connectionCount).toBe(1);
    server.closeIdle();
    expect(await fetch({ offset: 2000, objectOffset: 2000, length: 1000, known })).toMatchObject({
      kind: 'fetched',
    });
  });

  test('follows a redirect of a known object too', async () => {
    const { server, path, fetch } = await setUp();
    const redirect = {
      kind: 'reply' as const,
      status: 302,
      headers: { location: server.signedUrl(urlPath) },
    };
    // Asked first by a socket of its own, then by the client, which follows.
    server.effects.push(redirect, redirect);
    expect(await fetch({ url: server.signedUrl('/elsewhere'), known })).toMatchObject({ kind: 'fetched' });
    expect(content.equals(await readFile(path))).toBe(true);
  });
});

describe.each([
  ['an object of which nothing is known, by the HTTP client', undefined],
  ['a known object, by a socket', known],
])('what goes wrong with %s', (_what, facts) => {
  test.each([408, 429, 500, 503])(
    'takes %i as passing, with the wait the server asks for',
    async (status) => {
      const { server, fetch } = await setUp();
      server.effects.push({ kind: 'reply', status, headers: { 'retry-after': '7' } });
      expect(await fetch({ known: facts })).toMatchObject({ kind: 'transient', retryAfterMs: 7000 });
    },
  );

  test.each([400, 401, 418])(
    'takes %i as final and repeats nothing of the body or the query',
    async (status) => {
      const { server, fetch } = await setUp();
      server.effects.push({ kind: 'reply', status, body: '<StringToSign>secret-1</StringToSign>' });
      const outcome = await fetch({ known: facts });
      expect(outcome).toMatchObject({ kind: 'failed' });
      expect(JSON.stringify(outcome)).toContain(urlPath);
      expect(JSON.stringify(outcome)).not.toContain('secret');
    },
  );

  test('breaks off a connection that has gone silent and keeps what came before', async () => {
    const { server, context, fetch } = await setUp();
    const { promise: never } = Promise.withResolvers<void>();
    server.effects.push({ kind: 'hold', afterBytes: 5000, until: never });
    expect(await fetch({ known: facts, stallTimeoutMs: 50 })).toMatchObject({
      kind: 'transient',
      error: { code: 'timeout' },
    });
    expect(context.pieces).toEqual([pieceOf(0, 5000)]);
  });

  test('a refused connection is passing, and its message has no query', async () => {
    const { server, fetch } = await setUp();
    const url = server.signedUrl(urlPath);
    await server[Symbol.asyncDispose]().catch(() => undefined);
    const outcome = await fetch({ known: facts, url });
    expect(outcome).toMatchObject({ kind: 'transient', error: { code: 'connection' } });
    expect(JSON.stringify(outcome)).not.toContain('secret');
  });

  test('stops when cancelled, and keeps what came before', async () => {
    const { server, context, fetch } = await setUp();
    const { promise: never } = Promise.withResolvers<void>();
    server.effects.push({ kind: 'hold', afterBytes: 5000, until: never });
    const outcome = fetch({ known: facts });
    await expect.poll(() => context.objects.length).toBe(1);
    context.abort();
    expect(await outcome).toEqual({ kind: 'cancelled' });
  });

  test('says what is wrong when the file cannot be written', async () => {
    const { folder, fetch } = await setUp();
    const path = join(folder, 'absent', 'weights.bin');
    await expect(fetch({ known: facts, path })).rejects.toMatchObject({
      code: 'file_access',
      message: expect.stringContaining(path),
    });
  });
});
