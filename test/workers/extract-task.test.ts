import { lstat, mkdtempDisposable, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create } from 'tar';
import { describe, expect, onTestFinished, test } from 'vitest';
import { crc32c } from '../../src/workers/crc32c.ts';
import { extractArchive } from '../../src/workers/extract-task.ts';
import { checkpointTar, gzipped, patternBytes, tarEntry, tarOf, tensorBytes } from '../helpers/archives.ts';
import { recordingContext } from '../helpers/task-context.ts';

const limits = { entryCount: 100, totalBytes: 10_000_000, depth: 8 };

async function setUp(archive: Buffer) {
  const folder = await mkdtempDisposable(join(tmpdir(), 'extract-'));
  onTestFinished(() => folder.remove());
  const archivePath = join(folder.path, 'target.part');
  const stagingPath = join(folder.path, 'target.staging-1');
  await writeFile(archivePath, archive);
  const context = recordingContext();
  return {
    folder: folder.path,
    archivePath,
    stagingPath,
    context,
    extract: (own: Partial<typeof limits> = {}) =>
      extractArchive({ archivePath, folder: stagingPath, limits: { ...limits, ...own } }, context),
  };
}

describe('extractArchive', () => {
  test.each([
    ['plain', checkpointTar(200_000)],
    ['gzip', gzipped(checkpointTar(200_000))],
  ])('unpacks a %s archive into the staging folder and lists its files', async (_format, archive) => {
    const { stagingPath, context, extract } = await setUp(archive);
    expect(await extract()).toEqual({
      kind: 'extracted',
      files: [
        { name: 'adapter_config.json', size_bytes: 7, crc32c: crc32c(Buffer.from('{"r":8}')) },
        { name: 'adapter_model.safetensors', size_bytes: 200_000, crc32c: crc32c(tensorBytes(200_000)) },
        { name: 'checkpoint_complete', size_bytes: 0, crc32c: 0 },
      ],
    });
    expect(tensorBytes(200_000).equals(await readFile(join(stagingPath, 'adapter_model.safetensors')))).toBe(
      true,
    );
    expect(await readFile(join(stagingPath, 'adapter_config.json'), 'utf8')).toBe('{"r":8}');
    expect(context.progress.at(-1)).toMatchObject({ phase: 'extracting', totalBytes: archive.length });
  });

  test("unpacks what the tar library packs, folders and './' names included", async () => {
    const source = await mkdtempDisposable(join(tmpdir(), 'source-'));
    onTestFinished(() => source.remove());
    const long = `${'l'.repeat(120)}.bin`;
    await writeFile(join(source.path, long), 'long');
    await writeFile(join(source.path, 'ünï.txt'), 'unicode');
    const packed = Buffer.concat(
      await Array.fromAsync(create({ cwd: source.path }, ['.']) as AsyncIterable<Buffer>),
    );
    const { stagingPath, extract } = await setUp(packed);
    expect(await extract()).toMatchObject({ kind: 'extracted', files: [{}, {}] });
    expect((await readdir(stagingPath)).toSorted()).toEqual([long, 'ünï.txt']);
  });

  test('gives files no more rights than a new file has, whatever the archive says', async () => {
    const setuid = tarEntry({ name: 'tool', body: 'x', mode: '4777' });
    const { stagingPath, extract } = await setUp(tarOf(setuid));
    await extract();
    expect((await lstat(join(stagingPath, 'tool'))).mode & 0o7111).toBe(0);
  });

  test.each([
    ['a name that climbs out', tarOf({ name: '../escaped', body: 'x' })],
    ['an absolute name', tarOf({ name: '/tmp/escaped', body: 'x' })],
    [
      'a link, and a file through it',
      tarOf({ name: 'way', type: '2', linkName: '..' }, { name: 'way/escaped' }),
    ],
    ['a hard link', tarOf({ name: 'way', type: '1', linkName: '../target.part' })],
    ['a backslash', tarOf({ name: '..\\escaped' })],
    ['a Windows device', tarOf({ name: 'aux.json' })],
    ['the same name twice', tarOf({ name: 'a', body: '1' }, { name: 'a', body: '2' })],
    ['names that differ in case only', tarOf({ name: 'a', body: '1' }, { name: 'A', body: '2' })],
    ['a device file', tarOf({ name: 'null', type: '3' })],
  ])('refuses %s and touches nothing outside the staging folder', async (_what, archive) => {
    const { folder, archivePath, extract } = await setUp(
      tarOf({ name: 'good', body: 'x' }, archive.subarray(0, -1024)),
    );
    const before = await readFile(archivePath);
    expect(await extract()).toMatchObject({ kind: 'failed', error: { code: 'unsafe_archive' } });
    expect((await readdir(folder)).toSorted()).toEqual(['target.part', 'target.staging-1']);
    expect(before.equals(await readFile(archivePath))).toBe(true);
  });

  test('stops a small archive that unpacks to more than the limit, before it has written that much', async () => {
    const bomb = gzipped(tarOf({ name: 'zeros', body: Buffer.alloc(8_000_000) }));
    const { stagingPath, extract } = await setUp(bomb);
    const refused = {
      kind: 'failed',
      error: { code: 'unsafe_archive', message: expect.stringContaining('totalBytes') },
    };
    expect(await extract({ totalBytes: 5_000_000 })).toMatchObject(refused);
    expect(await readdir(stagingPath)).toEqual([]);
  });

  test('counts what lies between the files against the limit as well', async () => {
    const padded = gzipped(Buffer.concat([tarOf({ name: 'a' }), Buffer.alloc(8_000_000)]));
    const { extract } = await setUp(padded);
    expect(await extract({ totalBytes: 5_000_000 })).toMatchObject({
      kind: 'failed',
      error: { code: 'unsafe_archive' },
    });
  });

  test('refuses an archive of too many entries', async () => {
    const { extract } = await setUp(tarOf({ name: 'a' }, { name: 'b' }, { name: 'c' }));
    expect(await extract({ entryCount: 2 })).toMatchObject({
      kind: 'failed',
      error: { code: 'unsafe_archive' },
    });
  });

  test.each([
    ['is cut off', checkpointTar().subarray(0, 2048)],
    ['ends without its end mark', checkpointTar().subarray(0, -1024)],
    ['goes on after its end', Buffer.concat([checkpointTar(), Buffer.from('more')])],
    ['holds no files', tarOf({ name: 'folder/', type: '5' })],
    ['is a gzip cut off', gzipped(checkpointTar()).subarray(0, -9)],
    [
      'is a gzip with other bytes behind',
      Buffer.concat([gzipped(checkpointTar()), Buffer.from('more and more')]),
    ],
    ['is a gzip with a wrong checksum', flipped(gzipped(checkpointTar()), -6)],
  ])('calls an archive corrupt that %s', async (_what, archive) => {
    const { extract } = await setUp(archive);
    expect(await extract()).toMatchObject({ kind: 'corrupt', error: { code: 'corrupt_archive' } });
  });

  test('never writes into a staging folder that is there already', async () => {
    const { stagingPath, extract } = await setUp(checkpointTar());
    await writeFile(stagingPath, 'mine');
    expect(await extract()).toMatchObject({ kind: 'failed', error: { code: 'file_access' } });
    expect(await readFile(stagingPath, 'utf8')).toBe('mine');
  });

  test('stops when cancelled', async () => {
    const { context, extract } = await setUp(checkpointTar());
    context.abort();
    expect(await extract()).toEqual({ kind: 'cancelled' });
  });
});

describe('what extractArchive takes for no archive', () => {
  test.each([
    ['a web page', Buffer.from('<html>not here</html>'.repeat(100))],
    ['an empty file', Buffer.alloc(0)],
    ['a tar without members', Buffer.alloc(1024)],
    ['a gzip of something else', gzipped(patternBytes(5000))],
  ])('%s is corrupt', async (_what, archive) => {
    const { extract } = await setUp(archive);
    expect(await extract()).toMatchObject({ kind: 'corrupt', error: { code: 'corrupt_archive' } });
  });

  test.each([
    ['xz', 'fd377a585a000004'],
    ['zstd', '28b52ffd04005900'],
    ['bzip2', '425a683931415926'],
    ['zip', '504b030414000000'],
  ])(
    '%s is named as a format that is not read, which another fetch would not mend',
    async (format, magic) => {
      const { extract } = await setUp(Buffer.concat([Buffer.from(magic, 'hex'), Buffer.alloc(600)]));
      expect(await extract()).toMatchObject({
        kind: 'failed',
        error: { message: expect.stringContaining(`in ${format};`) },
      });
    },
  );

  test('an archive that is not there cannot be read', async () => {
    const { archivePath, extract } = await setUp(checkpointTar());
    await rm(archivePath);
    expect(await extract()).toMatchObject({ kind: 'failed', error: { code: 'file_access' } });
  });
});

function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  const index = copy.length + at;
  copy[index] = (copy[index] ?? 0) ^ 0xff;
  return copy;
}
