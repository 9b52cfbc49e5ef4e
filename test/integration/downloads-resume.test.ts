import { open, readdir, readFile, rm, statfs, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ConnectionError } from '../../src/core/errors.ts';
import { toApiError } from '../../src/core/api-errors.ts';
import { checkpointTar, tarOf, tensorBytes } from '../helpers/archives.ts';
import { folderName, setUpDownloads, skipWaits, tinkerPath } from '../helpers/downloads.ts';

const archive = checkpointTar(3_000_000);
const weightsName = 'adapter_model.safetensors';

/** A download that has failed after 1.2 MB, with its workspace left. */
async function setUpFailed() {
  const bench = await setUpDownloads({ retryLimit: 1 });
  const { manager, server, clock, outputDir, put } = bench;
  put(archive);
  server.effects.push(
    { kind: 'cut', afterBytes: 1_200_000 },
    ...Array.from({ length: 4 }, () => ({ kind: 'reply', status: 500 }) as const),
  );
  const failing = manager.download(tinkerPath, { outputDir });
  skipWaits(failing, clock);
  await expect(failing).rejects.toMatchObject({ code: 'server_error' });
  server.effects.length = 0;
  return bench;
}

describe('download over a bad connection', () => {
  test('continues from the bytes on disk after each cut, under the same validator', async () => {
    const { manager, server, clock, outputDir, put } = await setUpDownloads();
    put(archive);
    // What follows the weights is asked for beside the rest of them, so the second cut may come to either.
    server.effects.push({ kind: 'cut', afterBytes: 1_200_000 }, { kind: 'cut', afterBytes: 1000 });
    const download = manager.download(tinkerPath, { outputDir });
    skipWaits(download, clock);
    const retries: unknown[] = [];
    download.on('retry.scheduled', ({ attempt, reason }) => retries.push({ attempt, reason }));
    await download;
    expect(tensorBytes(3_000_000).equals(await readFile(join(download.destination, weightsName)))).toBe(true);
    const [first, ...later] = server.requests;
    expect(first?.ifRange).toBeUndefined();
    expect(later.length).toBeGreaterThanOrEqual(2);
    expect(new Set(later.map(({ ifRange }) => ifRange))).toEqual(new Set(['"one"']));
    for (const { range } of later) expect(Number(/\d+/.exec(range ?? '')?.[0])).toBeGreaterThan(1_000_000);
    // Each cut came after progress, so each is a first failure.
    expect(retries).toEqual([
      expect.objectContaining({ attempt: 1 }),
      expect.objectContaining({ attempt: 1 }),
    ]);
  });

  test.each([
    ['a cut', { kind: 'cut', afterBytes: 1_000_000 }],
    ['an expired address', { kind: 'reply', status: 403 }],
  ] as const)(
    '%s of one piece lets the others come to their end, which are not fetched again',
    async (_what, effect) => {
      const { manager, server, clock, outputDir, put } = await setUpDownloads();
      const content = tensorBytes(20_000_000);
      put(tarOf({ name: weightsName, body: content }));
      const [second, third] = [8 * 1024 * 1024, 16 * 1024 * 1024];
      const gate = Promise.withResolvers<void>();
      server.effects.push(
        { from: second, ...effect },
        { from: third, kind: 'hold', afterBytes: 1_000_000, until: gate.promise },
      );
      const download = manager.download(tinkerPath, { outputDir });
      skipWaits(download, clock);
      // Only the one that is held is still under way.
      await expect
        .poll(() => server.activeCount === 1 && server.effects.length === 0, { timeout: 20_000 })
        .toBe(true);
      gate.resolve();
      const { destination } = await download;
      expect(content.equals(await readFile(join(destination, weightsName)))).toBe(true);
      const starts = server.requests.map(({ range }) => Number(/\d+/.exec(range ?? '')?.[0]));
      expect(starts.filter((start) => start >= third && start < 20_000_000)).toEqual([third]);
      expect(starts.filter((start) => start >= second && start < third)).toHaveLength(2);
    },
  );

  test('a final failure of one piece ends the others at once, and what came of them is kept', async () => {
    const { manager, server, outputDir, put } = await setUpDownloads();
    put(tarOf({ name: weightsName, body: tensorBytes(20_000_000) }));
    const [second, third] = [8 * 1024 * 1024, 16 * 1024 * 1024];
    server.effects.push(
      { from: third, kind: 'hold', afterBytes: 1_000_000, until: new Promise(() => undefined) },
      { from: second, kind: 'reply', status: 400 },
    );
    await expect(manager.download(tinkerPath, { outputDir })).rejects.toMatchObject({ code: 'bad_request' });
    await expect.poll(() => server.activeCount).toBe(0);
    expect(await readdir(outputDir)).toEqual([`${folderName}.download`]);
  });

  test('starts again when the archive has changed between two attempts', async () => {
    const { manager, server, clock, outputDir, put } = await setUpDownloads();
    put(archive);
    server.effects.push({ kind: 'cut', afterBytes: 1_200_000 });
    const download = manager.download(tinkerPath, { outputDir });
    skipWaits(download, clock);
    download.once('retry.scheduled', () => put(tarOf({ name: 'new.bin', body: 'new' }), '"two"'));
    expect(await download).toMatchObject({ files: [{ name: 'new.bin', size_bytes: 3 }] });
    const ifRanges = server.requests.map(({ ifRange }) => ifRange);
    expect([ifRanges[0], ifRanges[1], ifRanges.at(-1)]).toEqual([undefined, '"one"', undefined]);
  });

  test('starts again where the server knows no ranges', async () => {
    const { manager, server, clock, outputDir, put } = await setUpDownloads();
    put(archive);
    server.effects.push({ kind: 'cut', afterBytes: 1_200_000 }, { kind: 'wholeArchive' });
    const download = manager.download(tinkerPath, { outputDir });
    skipWaits(download, clock);
    expect(await download).toMatchObject({ size_bytes: 3_000_007 });
  });

  test('keeps the bytes when the signed address expires, and asks the service for another', async () => {
    const { manager, server, clock, outputDir, put } = await setUpDownloads();
    put(archive);
    server.effects.push({ kind: 'cut', afterBytes: 1_200_000 }, { kind: 'reply', status: 403 });
    const download = manager.download(tinkerPath, { outputDir });
    skipWaits(download, clock);
    download.once('retry.scheduled', () => server.expireUrls());
    await download;
    const [first, ...later] = server.requests;
    expect(first?.signature).toBe('secret-1');
    expect(new Set(later.map(({ signature }) => signature))).toEqual(new Set(['secret-2']));
    for (const { range } of later) expect(Number(/\d+/.exec(range ?? '')?.[0])).toBeGreaterThan(1_000_000);
  });

  test('fails with the status when fresh addresses are refused as well', async () => {
    const { manager, server, clock, outputDir } = await setUpDownloads({ retryLimit: 2 });
    for (let count = 0; count < 4; count++) server.effects.push({ kind: 'reply', status: 404 });
    const download = manager.download(tinkerPath, { outputDir });
    skipWaits(download, clock);
    await expect(download).rejects.toMatchObject({ code: 'not_found' });
    expect(server.requests).toHaveLength(4);
    expect(await readdir(outputDir)).toEqual([]);
  });

  test('polls while the archive is being built, as often as the server says', async () => {
    const { manager, clock, resolutions, outputDir } = await setUpDownloads();
    resolutions.push({ kind: 'pending', retryAfterMs: 5000 }, { kind: 'pending' });
    const download = manager.download(tinkerPath, { outputDir });
    const waits: number[] = [];
    download.on('archive.pending', ({ waitMs }) => waits.push(waitMs));
    skipWaits(download, clock);
    await download;
    expect(waits).toEqual([5000, 30_000]);
  });

  test('asks the service again after a passing failure, and not after a final one', async () => {
    const { manager, clock, resolutions, outputDir } = await setUpDownloads();
    resolutions.push({ kind: 'failed', error: new ConnectionError('the service is away') });
    const download = manager.download(tinkerPath, { outputDir });
    skipWaits(download, clock);
    await download;
    const error = toApiError('GET archive', { status: 404 });
    resolutions.push({ kind: 'failed', error });
    await expect(manager.download(tinkerPath, { outputDir, force: true })).rejects.toBe(error);
  });

  test('a later download, also of another process, continues what a failed one left', async () => {
    const failed = await setUpFailed();
    const { server, outputDir } = failed;
    expect(await readdir(join(outputDir, `${folderName}.download`))).toEqual(['files', 'journal.jsonl']);
    const written = await readFile(join(outputDir, `${folderName}.download`, 'journal.jsonl'), 'utf8');
    expect(written).not.toMatch(/http|secret|signature/);
    // Like a process that ends: nothing of it is known but what is on disk.
    await failed.manager.close();
    const { manager } = await setUpDownloads({ openSource: failed.openSource });
    const before = server.requests.length;
    expect(await manager.download(tinkerPath, { outputDir })).toMatchObject({ size_bytes: 3_000_007 });
    const starts = server.requests.slice(before).map(({ range }) => Number(/\d+/.exec(range ?? '')?.[0]));
    expect(Math.min(...starts)).toBeGreaterThan(1_000_000);
    expect(tensorBytes(3_000_000).equals(await readFile(join(outputDir, folderName, weightsName)))).toBe(
      true,
    );
    expect(await readdir(outputDir)).toEqual([folderName, `${folderName}.manifest.json`]);
  });

  test.each([
    ['were changed on disk', 1_000_000, 'x'],
    ['are gone', 0, undefined],
  ])('what is there is read back first: bytes that %s are fetched again', async (_what, position, change) => {
    const { manager, server, outputDir } = await setUpFailed();
    const path = join(outputDir, `${folderName}.download`, 'files', weightsName);
    if (change === undefined) await rm(path);
    else {
      await using handle = await open(path, 'r+');
      await handle.write(change, position);
    }
    const before = server.requests.length;
    await manager.download(tinkerPath, { outputDir });
    const starts = server.requests.slice(before).map(({ range }) => Number(/\d+/.exec(range ?? '')?.[0]));
    expect(Math.min(...starts)).toBeLessThan(4096);
    expect(tensorBytes(3_000_000).equals(await readFile(join(outputDir, folderName, weightsName)))).toBe(
      true,
    );
  });

  test.each([
    ['ends in a torn line', (text: string) => `${text}{"piece":"adapter_mod`, true],
    ['is of another checkpoint', (text: string) => text.replaceAll('final', 'other'), false],
    ['names a file outside', (text: string) => text.replaceAll('adapter_config', '../escaped'), false],
    ['is no journal', () => 'hello', false],
  ])('a journal that %s leads to the right files', async (_what, change, isResumed) => {
    const { manager, server, outputDir } = await setUpFailed();
    const path = join(outputDir, `${folderName}.download`, 'journal.jsonl');
    await writeFile(path, change(await readFile(path, 'utf8')));
    const before = server.requests.length;
    await manager.download(tinkerPath, { outputDir });
    expect(server.requests[before]?.ifRange !== undefined).toBe(isResumed);
    expect(tensorBytes(3_000_000).equals(await readFile(join(outputDir, folderName, weightsName)))).toBe(
      true,
    );
    expect(await readdir(outputDir)).toEqual([folderName, `${folderName}.manifest.json`]);
  });

  test.each([
    ['an ended process left is taken over', 2 ** 22 + 1, true],
    ['a living process holds is left to it', process.ppid, false],
  ])('a workspace that %s', async (_what, pid, isTaken) => {
    const { manager, server, outputDir } = await setUpFailed();
    const workspace = join(outputDir, `${folderName}.download`);
    await writeFile(join(workspace, 'lock'), JSON.stringify({ pid, host: hostname(), id: 'other' }));
    const before = server.requests.length;
    await manager.download(tinkerPath, { outputDir });
    expect(server.requests[before]?.ifRange !== undefined).toBe(isTaken);
    const left = [folderName, ...(isTaken ? [] : [`${folderName}.download`]), `${folderName}.manifest.json`];
    expect((await readdir(outputDir)).toSorted()).toEqual(left);
  });

  test('leaves nothing behind when the archive cannot fit on the disk', async () => {
    const { manager, server, outputDir } = await setUpDownloads();
    server.effects.push({ kind: 'reply', status: 200, headers: { 'content-length': String(2 ** 52) } });
    await expect(manager.download(tinkerPath, { outputDir })).rejects.toMatchObject({ code: 'disk_full' });
    expect(await readdir(outputDir)).toEqual([]);
  });

  test('counts what the other downloads still need when it looks whether an archive fits', async () => {
    const { manager, server, outputDir } = await setUpDownloads();
    const { bavail, bsize } = await statfs(outputDir);
    const sizeBytes = Math.floor(bavail * bsize * 0.6);
    const paths = ['tinker://run/weights/a', 'tinker://run/weights/b'];
    for (const path of paths)
      server.archives.set(`/${encodeURIComponent(path)}`, { content: archive, etag: '"one"', sizeBytes });
    const hold = { kind: 'hold', afterBytes: 1000, until: new Promise<void>(() => undefined) } as const;
    server.effects.push(hold, hold);
    const downloads = paths.map((path) => manager.download(path, { outputDir }));
    // Whichever comes second.
    const refused = await Promise.race(
      downloads.map((download) => download.catch((error: unknown) => error)),
    );
    expect(refused).toMatchObject({
      code: 'disk_full',
      details: { neededBytes: expect.any(Number), claimedBytes: expect.any(Number) },
    });
    expect(downloads.map(({ status }) => status).toSorted()).toEqual(['failed', 'transferring']);
    for (const download of downloads) download.cancel();
    await Promise.allSettled(downloads);
  });
});
