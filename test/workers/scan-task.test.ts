import { mkdtempDisposable, readdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { crc32c } from '../../src/workers/crc32c.ts';
import type { ScanInput } from '../../src/workers/protocol.ts';
import { scanArchive } from '../../src/workers/scan-task.ts';
import { ArchiveServer } from '../helpers/archive-server.ts';
import { checkpointTar, gzipped, patternBytes, tarOf, tensorBytes } from '../helpers/archives.ts';
import { recordingContext } from '../helpers/task-context.ts';

const urlPath = '/checkpoint.tar';
const limits = { entryCount: 100, totalBytes: 100_000_000, depth: 8 };

async function setUp(archive: Buffer) {
  const server = await ArchiveServer.start();
  const temporary = await mkdtempDisposable(join(tmpdir(), 'scan-'));
  onTestFinished(async () => {
    await server[Symbol.asyncDispose]();
    await temporary.remove();
  });
  server.put(urlPath, archive);
  const context = recordingContext();
  const archivePath = join(temporary.path, 'archive.part');
  const folder = temporary.path;
  const scan = (input: Partial<ScanInput> = {}) =>
    scanArchive(
      {
        url: server.signedUrl(urlPath),
        known: undefined,
        folder,
        archivePath,
        limits,
        entries: [],
        stallTimeoutMs: 10_000,
        ...input,
      },
      context,
    );
  return { server, folder, archivePath, context, scan };
}

describe('scanArchive', () => {
  test('writes small members straight from one request, and tells where each lies', async () => {
    const { server, folder, context, scan } = await setUp(checkpointTar(300_000));
    expect(await scan()).toEqual({ kind: 'scanned', gapCrc32c: expect.any(Number) });
    expect(tensorBytes(300_000).equals(await readFile(join(folder, 'adapter_model.safetensors')))).toBe(true);
    expect(context.entries).toMatchObject([
      { name: 'adapter_config.json', sizeBytes: 7, offset: 512, next: 1024 },
      { name: 'adapter_model.safetensors', sizeBytes: 300_000, offset: 1536, next: 301_568 },
      { name: 'checkpoint_complete', sizeBytes: 0, offset: 302_080, next: 302_080 },
    ]);
    expect(context.pieces).toMatchObject([
      { file: 'adapter_config.json', offset: 0, length: 7 },
      { file: 'adapter_model.safetensors', offset: 0, length: 300_000 },
    ]);
    expect(server.requests).toHaveLength(1);
  });

  test('jumps over what is long, tells of it at once, and goes on behind it', async () => {
    const weights = patternBytes(20_000_000);
    const archive = tarOf({ name: 'weights.bin', body: weights }, { name: 'last', body: 'last' });
    const { server, folder, context, scan } = await setUp(archive);
    expect(await scan()).toEqual({ kind: 'scanned', gapCrc32c: expect.any(Number) });
    const ownBytes = 8 * 1024 * 1024 - 512;
    expect(context.pieces).toMatchObject([
      {
        file: 'weights.bin',
        offset: 0,
        length: ownBytes,
        crc32c: crc32c(weights.subarray(0, ownBytes)),
      },
      { file: 'last', offset: 0, length: 4 },
    ]);
    expect((await readFile(join(folder, 'weights.bin'))).length).toBe(ownBytes);
    expect(server.requests.map(({ range }) => range)).toEqual([
      'bytes=0-8388607',
      `bytes=20000512-${archive.length - 1}`,
    ]);
    expect(server.connectionCount).toBe(1);
  });

  test('goes on behind the members that an earlier walk has found, under the same validator', async () => {
    const archive = checkpointTar(300_000);
    const first = await setUp(archive);
    await first.scan();
    const entries = first.context.entries.slice(0, 2);
    const { server, folder, context, scan } = await setUp(archive);
    const known = { etag: '"one"', sizeBytes: archive.length };
    expect(await scan({ entries, known })).toEqual({ kind: 'scanned', gapCrc32c: expect.any(Number) });
    expect(context.entries.map(({ name }) => name)).toEqual(['checkpoint_complete']);
    expect(await readdir(folder)).toEqual(['checkpoint_complete']);
    expect(server.requests).toMatchObject([
      { range: `bytes=301536-${archive.length - 1}`, ifRange: '"one"' },
    ]);
  });

  test('tells the part of a member that came before a cut', async () => {
    const { server, context, scan } = await setUp(checkpointTar(300_000));
    server.effects.push({ kind: 'cut', afterBytes: 200_000 });
    expect(await scan()).toMatchObject({ kind: 'transient', error: { code: 'connection' } });
    expect(context.entries.map(({ name }) => name)).toEqual([
      'adapter_config.json',
      'adapter_model.safetensors',
    ]);
    const { length = 0 } = context.pieces.at(-1) ?? {};
    expect(length).toBeGreaterThan(0);
    expect(length).toBeLessThan(200_000);
  });

  test.each([
    ['gzip', gzipped(checkpointTar(300_000))],
    ['a format that is not read', Buffer.concat([Buffer.from('fd377a585a00', 'hex'), Buffer.alloc(5000)])],
  ])('lets %s go to disk as it is', async (_format, archive) => {
    const { archivePath, context, scan } = await setUp(archive);
    expect(await scan()).toEqual({ kind: 'packed', whole: false });
    expect(archive.equals(await readFile(archivePath))).toBe(true);
    expect(context.pieces).toMatchObject([{ file: '/archive.part', offset: 0, length: archive.length }]);
  });

  test('lets what the server gives only as a whole go to disk as it is, without asking twice', async () => {
    const archive = checkpointTar(300_000);
    const { server, archivePath, scan } = await setUp(archive);
    server.effects.push({ kind: 'wholeArchive' });
    expect(await scan()).toEqual({ kind: 'packed', whole: true });
    expect(archive.equals(await readFile(archivePath))).toBe(true);
    expect(server.requests).toHaveLength(1);
  });

  test.each([
    ['a name that climbs out', { name: '../escaped', body: 'x' }],
    ['a link', { name: 'way', type: '2', linkName: '..' }],
    ['a device', { name: 'null', type: '3' }],
    ['the same name twice', { name: 'good', body: 'x' }],
  ])('refuses %s as unpacking does', async (_what, entry) => {
    const { folder, scan } = await setUp(tarOf({ name: 'good', body: 'x' }, entry));
    expect(await scan()).toMatchObject({ kind: 'failed', error: { code: 'unsafe_archive' } });
    expect(await readdir(folder)).toEqual(['good']);
  });

  test('counts the members of an earlier walk against the limits', async () => {
    const archive = checkpointTar();
    const { context, scan } = await setUp(archive);
    await scan();
    const entries = context.entries.slice(0, 2);
    const known = { etag: '"one"', sizeBytes: archive.length };
    expect(await scan({ entries, known, limits: { ...limits, entryCount: 2 } })).toMatchObject({
      kind: 'failed',
      error: { code: 'unsafe_archive' },
    });
  });

  test.each([
    ['is cut off', checkpointTar().subarray(0, 2048)],
    ['ends without its end mark', checkpointTar().subarray(0, -1024)],
    ['goes on after its end', Buffer.concat([checkpointTar(), Buffer.from('more')])],
    ['tells of more than it has', tarOf({ name: 'a', body: patternBytes(9_000_000), size: 20_000_000 })],
    ['is a web page', Buffer.from('<html>not here</html>'.repeat(100))],
  ])('calls an archive corrupt that %s', async (_what, archive) => {
    const { scan } = await setUp(archive);
    expect(await scan()).toMatchObject({ kind: 'corrupt', error: { code: 'corrupt_archive' } });
  });

  test('stops when cancelled', async () => {
    const { context, scan } = await setUp(checkpointTar());
    context.abort();
    expect(await scan()).toEqual({ kind: 'cancelled' });
  });
});
