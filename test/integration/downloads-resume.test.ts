import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { ConnectionError } from '../../src/core/errors.ts';
import { toApiError } from '../../src/core/api-errors.ts';
import { checkpointTar, patternBytes, tarOf } from '../helpers/archives.ts';
import { folderName, setUpDownloads, skipWaits, tinkerPath } from '../helpers/downloads.ts';

const archive = checkpointTar(3_000_000);
const weightsName = 'adapter_model.safetensors';

describe('download over a bad connection', () => {
  test('continues from the bytes on disk after each cut, under the same validator', async () => {
    const { manager, server, clock, outputDir, put } = await setUpDownloads();
    put(archive);
    server.effects.push({ kind: 'cut', afterBytes: 1_200_000 }, { kind: 'cut', afterBytes: 1_000_000 });
    const download = manager.download(tinkerPath, { outputDir });
    skipWaits(download, clock);
    const retries: unknown[] = [];
    download.on('retry.scheduled', ({ attempt, reason }) => retries.push({ attempt, reason }));
    await download;
    expect(patternBytes(3_000_000).equals(await readFile(join(download.destination, weightsName)))).toBe(
      true,
    );
    expect(server.requests).toHaveLength(3);
    const offsets = server.requests.map(({ range }) => Number(/\d+/.exec(range ?? '0')?.[0]));
    expect(offsets[0]).toBe(0);
    expect(offsets[1]).toBeGreaterThan(0);
    expect(offsets[2]).toBeGreaterThan(offsets[1] ?? 0);
    expect(server.requests.slice(1).map(({ ifRange }) => ifRange)).toEqual(['"one"', '"one"']);
    // Each cut came after progress, so each is a first failure.
    expect(retries).toEqual([
      expect.objectContaining({ attempt: 1 }),
      expect.objectContaining({ attempt: 1 }),
    ]);
  });

  test('starts again when the archive has changed between two attempts', async () => {
    const { manager, server, clock, outputDir, put } = await setUpDownloads();
    put(archive);
    server.effects.push({ kind: 'cut', afterBytes: 1_200_000 });
    const download = manager.download(tinkerPath, { outputDir });
    skipWaits(download, clock);
    download.once('retry.scheduled', () => put(tarOf({ name: weightsName, body: 'new' }), '"two"'));
    expect(await download).toMatchObject({ files: [{ name: weightsName, size_bytes: 3 }] });
    expect(server.requests.map(({ range }) => range !== undefined)).toEqual([false, true, false]);
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
    expect(server.requests.map(({ signature }) => signature)).toEqual(['secret-1', 'secret-2', 'secret-2']);
    expect(server.requests[2]?.range).toBe(server.requests[1]?.range);
    expect(server.requests[2]?.range).toBeDefined();
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

  test('a later download in the same process continues what a failed one left', async () => {
    const { manager, server, clock, outputDir, put } = await setUpDownloads({ retryLimit: 1 });
    put(archive);
    server.effects.push({ kind: 'cut', afterBytes: 1_200_000 }, { kind: 'reply', status: 500 });
    const failing = manager.download(tinkerPath, { outputDir });
    skipWaits(failing, clock);
    await expect(failing).rejects.toMatchObject({ code: 'server_error' });
    const { size } = await stat(join(outputDir, `${folderName}.part`));
    expect(size).toBeGreaterThan(0);
    expect(await manager.download(tinkerPath, { outputDir })).toMatchObject({ size_bytes: 3_000_007 });
    expect(server.requests.at(-1)?.range).toBe(`bytes=${size}-`);
    expect(await readdir(outputDir)).toEqual([folderName]);
  });

  test('closing the manager removes what a failed download left to be continued', async () => {
    const { manager, server, clock, outputDir, put } = await setUpDownloads({ retryLimit: 1 });
    put(archive);
    server.effects.push({ kind: 'cut', afterBytes: 1_200_000 }, { kind: 'reply', status: 500 });
    const failing = manager.download(tinkerPath, { outputDir });
    skipWaits(failing, clock);
    await expect(failing).rejects.toMatchObject({ code: 'server_error' });
    expect(await readdir(outputDir)).toEqual([`${folderName}.part`]);
    await manager.close();
    expect(await readdir(outputDir)).toEqual([]);
  });

  test('leaves nothing behind when the archive cannot fit on the disk', async () => {
    const { manager, server, outputDir } = await setUpDownloads();
    server.effects.push({ kind: 'reply', status: 200, headers: { 'content-length': String(2 ** 52) } });
    await expect(manager.download(tinkerPath, { outputDir })).rejects.toMatchObject({ code: 'disk_full' });
    expect(await readdir(outputDir)).toEqual([]);
  });

  test('never shows the query of a signed address: not in errors, events or the log', async () => {
    const { manager, server, clock, outputDir, logLines, put } = await setUpDownloads({ retryLimit: 1 });
    put(archive);
    server.effects.push(
      { kind: 'cut', afterBytes: 1_200_000 },
      { kind: 'reply', status: 403 },
      { kind: 'reply', status: 503 },
      { kind: 'reply', status: 400, body: 'secret' },
    );
    const said: string[] = [];
    const download = manager.download(tinkerPath, { outputDir });
    skipWaits(download, clock);
    const events = Array.fromAsync(download.events());
    const error = await download.catch((reason: unknown) => reason);
    said.push(inspect(error, { depth: 5, showHidden: true }));
    said.push(JSON.stringify(await events), ...logLines);
    expect(said.join('\n')).toContain('127.0.0.1');
    expect(said.join('\n')).not.toMatch(/secret|signature/);
  });
});
