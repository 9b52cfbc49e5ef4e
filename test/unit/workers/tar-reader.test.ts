import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DownloadError } from '../../../src/core/errors.ts';
import { ByteReader } from '../../../src/workers/byte-reader.ts';
import { readTar } from '../../../src/workers/tar-reader.ts';
import { checkpointTar, endMark, patternBytes, paxEntry, tarEntry, tarOf } from '../../helpers/archives.ts';

async function* inChunks(archive: Buffer, chunkBytes: number): AsyncGenerator<Buffer> {
  for (let start = 0; start < archive.length; start += chunkBytes)
    yield archive.subarray(start, start + chunkBytes);
}

async function membersOf(archive: Buffer, chunkBytes = 4096) {
  const members: Array<{ path: string; kind: string; content: Buffer }> = [];
  for await (const { path, kind, read } of readTar(new ByteReader(inChunks(archive, chunkBytes)))) {
    const chunks: Buffer[] = [];
    for (let chunk = await read(); chunk.length > 0; chunk = await read()) chunks.push(chunk);
    members.push({ path, kind, content: Buffer.concat(chunks) });
  }
  return members;
}

describe('readTar', () => {
  test('gives the same members however the bytes are cut into chunks', async () => {
    const archive = tarOf(
      { name: 'folder/', type: '5' },
      { name: 'folder/weights', body: patternBytes(1500) },
      { name: 'exact', body: patternBytes(1024, 2) },
      { name: 'empty' },
    );
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 3000 }), async (chunkBytes) => {
        expect(await membersOf(archive, chunkBytes)).toEqual([
          { path: 'folder/', kind: 'directory', content: Buffer.alloc(0) },
          { path: 'folder/weights', kind: 'file', content: patternBytes(1500) },
          { path: 'exact', kind: 'file', content: patternBytes(1024, 2) },
          { path: 'empty', kind: 'file', content: Buffer.alloc(0) },
        ]);
      }),
      { numRuns: 30 },
    );
  });

  test('skips the content of a member that nobody read', async () => {
    const paths: string[] = [];
    for await (const member of readTar(new ByteReader(inChunks(checkpointTar(), 700))))
      paths.push(member.path);
    expect(paths).toEqual(['adapter_config.json', 'adapter_model.safetensors', 'checkpoint_complete']);
  });

  test('takes long names from GNU and pax headers, and a size from the pax header', async () => {
    const long = `${'d'.repeat(60)}/${'n'.repeat(90)}`;
    const sized = tarEntry({ name: 'short', body: 'abc', size: 0 });
    const archive = tarOf(
      tarEntry({ name: '././@LongLink', type: 'L', body: `${long}\0` }),
      { name: long.slice(0, 100), body: 'gnu' },
      paxEntry({ path: 'ünï', size: '3' }),
      sized,
      { name: 'plain', body: 'x' },
    );
    const members = await membersOf(archive);
    expect(members.map(({ path, content }) => [path, content.toString()])).toEqual([
      [long, 'gnu'],
      ['ünï', 'abc'],
      ['plain', 'x'],
    ]);
  });

  test('accepts zeros after the end mark and a global header that only comments', async () => {
    const archive = Buffer.concat([
      tarOf(paxEntry({ comment: 'commit' }, 'g'), { name: 'a' }),
      Buffer.alloc(9000),
    ]);
    expect(await membersOf(archive)).toHaveLength(1);
  });

  test.each([
    ['ends between members', 'without its end mark', tarEntry({ name: 'a', body: 'x' })],
    ['is empty', 'without its end mark', Buffer.alloc(0)],
    ['ends within a header', 'within a header', tarOf({ name: 'a' }).subarray(0, 700)],
    [
      'ends within a file',
      '2000 bytes before the end of "a"',
      tarEntry({ name: 'a', body: patternBytes(3000) }).subarray(0, 1512),
    ],
    ['ends within padding', 'within the padding of "a"', tarEntry({ name: 'a', body: 'x' }).subarray(0, 600)],
    [
      'goes on after its end',
      'other bytes follow',
      Buffer.concat([tarOf({ name: 'a' }), Buffer.from('garbage')]),
    ],
    ['is two archives', 'other bytes follow', Buffer.concat([tarOf({ name: 'a' }), tarOf({ name: 'b' })])],
    ['is a web page', 'wrong checksum', Buffer.from('<html>'.repeat(200))],
    [
      'understates a size',
      'a header',
      Buffer.concat([tarEntry({ name: 'a', body: patternBytes(600), size: 0 }), endMark]),
    ],
    ['gives a folder content', 'has content', tarOf(paxEntry({ path: 'a/' }), { name: 'a', body: 'x' })],
    [
      'has wrong attributes',
      'cannot be read',
      tarOf(tarEntry({ name: 'p', type: 'x', body: '99 path=x\n' }), { name: 'a' }),
    ],
  ])('calls an archive corrupt that %s', async (_what, why, archive) => {
    const reading = membersOf(archive);
    await expect(reading).rejects.toThrow(why);
    await expect(reading).rejects.toMatchObject({ code: 'corrupt_archive' });
  });

  test('reads or refuses clearly whatever happens to the bytes of an archive', async () => {
    const archive = tarOf(
      paxEntry({ path: 'long' }),
      { name: 'a', body: patternBytes(600) },
      { name: 'b/', type: '5' },
    );
    const place = fc.integer({ min: 0, max: archive.length - 1 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(place, fc.integer({ min: 0, max: 255 })), { maxLength: 4 }),
        place,
        async (flips, end) => {
          const damaged = Buffer.from(archive.subarray(0, end));
          for (const [at, value] of flips) if (at < end) damaged[at] = value;
          const outcome = await membersOf(damaged, 500).then(
            () => undefined,
            (error: unknown) => error,
          );
          expect(outcome === undefined || outcome instanceof DownloadError).toBe(true);
        },
      ),
      { numRuns: 300 },
    );
  });

  test.each([
    ['a symbolic link', tarEntry({ name: 'a', type: '2', linkName: '/etc/passwd' })],
    ['a hard link', tarEntry({ name: 'a', type: '1', linkName: 'b' })],
    ['a long link', tarEntry({ name: 'a', type: 'K', body: '/etc/passwd' })],
    [
      'a pax link',
      Buffer.concat([paxEntry({ linkpath: '/etc/passwd' }), tarEntry({ name: 'a', type: '2' })]),
    ],
    ['a character device', tarEntry({ name: 'a', type: '3' })],
    ['a block device', tarEntry({ name: 'a', type: '4' })],
    ['a pipe', tarEntry({ name: 'a', type: '6' })],
    ['a sparse file', tarEntry({ name: 'a', type: 'S' })],
    ['a pax sparse file', Buffer.concat([paxEntry({ 'GNU.sparse.major': '1' }), tarEntry({ name: 'a' })])],
    ['an unknown type', tarEntry({ name: 'a', type: 'Z' })],
    ['a name for all members', Buffer.concat([paxEntry({ path: 'b' }, 'g'), tarEntry({ name: 'a' })])],
    ['two megabytes of attributes', tarEntry({ name: 'a', type: 'x', body: Buffer.alloc(2 * 1024 * 1024) })],
  ])('refuses %s as unsafe', async (_what, entry) => {
    await expect(membersOf(tarOf(entry))).rejects.toMatchObject({ code: 'unsafe_archive' });
  });
});
