import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { crc32c, toCrc32cText } from '../../src/workers/crc32c.ts';
import { checkpointTar, gzipped, tarOf, tensorBytes } from '../helpers/archives.ts';
import { folderName, setUpDownloads, skipWaits, tinkerPath } from '../helpers/downloads.ts';

const weightsName = 'adapter_model.safetensors';
const crc32cOf = (content: Buffer) => `crc32c=${toCrc32cText(crc32c(content))}`;
const md5Of = (content: Buffer) => `md5=${createHash('md5').update(content).digest('base64')}`;

/** Downloads an archive of which the server says `hash`, as Google's storage does. */
async function setUp(content: Buffer, hash: string, etag: string | undefined = '"one"') {
  const bench = await setUpDownloads();
  const key = `/${encodeURIComponent(tinkerPath)}`;
  bench.server.archives.set(key, { content, etag, headers: { 'x-goog-hash': hash } });
  const download = () => {
    const started = bench.manager.download(tinkerPath, { outputDir: bench.outputDir });
    skipWaits(started, bench.clock);
    return started;
  };
  return { ...bench, download };
}

describe('the checksum that a server sends of a whole archive', () => {
  test('is put together from the pieces and what lies between them of one that is unpacked on its way', async () => {
    const content = tarOf(
      { name: 'folder/', type: '5' },
      { name: 'folder/odd.txt', body: 'seven b' },
      { name: weightsName, body: tensorBytes(20_000_000) },
      { name: 'empty' },
    );
    const { download, server } = await setUp(content, crc32cOf(content));
    const { destination } = await download();
    expect((await readdir(destination)).toSorted()).toEqual([weightsName, 'empty', 'folder'].toSorted());
    expect(server.requests.length).toBeGreaterThan(2);
  });

  test('fits after cuts within headers, contents and padding', async () => {
    const content = checkpointTar(300_000);
    const { download, server, destination } = await setUp(content, crc32cOf(content));
    // Of what is left each time: in the first header, its content, its padding, the next header, the weights and their padding.
    for (const afterBytes of [100, 515, 4, 600, 100, 200_000])
      server.effects.push({ kind: 'cut', afterBytes });
    await download();
    expect(tensorBytes(300_000).equals(await readFile(join(destination, weightsName)))).toBe(true);
    expect(server.effects).toEqual([]);
  });

  test.each([
    ['the content', 2000],
    ['a name', 1024 + 2],
    ['padding', 1000],
    ['the end', -1],
  ])('tells damage of %s apart, of which nothing is kept', async (_what, at) => {
    const content = checkpointTar(300_000);
    const other = Buffer.from(content);
    const index = at < 0 ? content.length + at : at;
    other.writeUInt8((other.readUInt8(index) + 1) % 256, index);
    const { download, outputDir } = await setUp(content, crc32cOf(other));
    await expect(download()).rejects.toMatchObject({
      code: 'checksum_mismatch',
      message: expect.stringContaining('the archive has another CRC-32C'),
    });
    expect(await readdir(outputDir)).toEqual([]);
  });

  test.each([crc32cOf, md5Of])(
    'is compared with one that goes to disk, in pieces or as a whole: %o',
    async (hashOf) => {
      const content = gzipped(checkpointTar(300_000));
      for (const etag of ['"one"', undefined]) {
        const good = await setUp(content, hashOf(content), etag);
        await good.download();
        expect(await readdir(good.outputDir)).toContain(folderName);
        const bad = await setUp(content, hashOf(checkpointTar(300_000)), etag);
        await expect(bad.download()).rejects.toMatchObject({ code: 'checksum_mismatch' });
        expect(await readdir(bad.outputDir)).toEqual([]);
      }
    },
  );

  test('is passed over where it is of the packed object that the store unpacks', async () => {
    const content = checkpointTar(300_000);
    const { server, download } = await setUp(content, crc32cOf(gzipped(content)));
    const [archive] = server.archives.values();
    if (archive !== undefined)
      archive.headers = { ...archive.headers, 'x-goog-stored-content-encoding': 'gzip' };
    await download();
  });
});
