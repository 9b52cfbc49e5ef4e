import { mkdir, readdir, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { checkpointTar } from '../helpers/archives.ts';
import { folderName, setUpDownloads, tinkerPath } from '../helpers/downloads.ts';

const paths = Array.from({ length: 6 }, (_, index) => `tinker://run/weights/${index}`);

async function setUp(options: Parameters<typeof setUpDownloads>[0] = {}) {
  const bench = await setUpDownloads(options);
  for (const [index, path] of paths.entries()) bench.put(checkpointTar(1000 + index), undefined, path);
  return bench;
}

describe('downloadAll', () => {
  test('tells what became of each, in the order of the input, and goes on after a failure', async () => {
    const { manager, server, outputDir } = await setUp();
    server.archives.delete(`/${encodeURIComponent(paths[2] ?? '')}`);
    server.put(`/${encodeURIComponent(paths[2] ?? '')}`, Buffer.from('no archive'.repeat(200)));
    const batch = manager.downloadAll(paths, { outputDir, concurrency: 3 });
    const events = Array.fromAsync(batch.events({ types: ['download.completed', 'download.failed'] }));
    const items = await batch;
    expect(items.map(({ tinker_path }) => tinker_path)).toEqual(paths);
    expect(items.map(({ status }) => status)).toEqual(['done', 'done', 'failed', 'done', 'done', 'done']);
    expect(items[2]).toMatchObject({ error: { code: 'corrupt_archive' } });
    expect(items[5]).toMatchObject({ result: { size_bytes: 1012 } });
    const told = (await events).map((event) => ('path' in event ? event.path : ''));
    expect(told.toSorted()).toEqual(paths);
    expect(batch.handles).toEqual([]);
  });

  test('asks an iterable for the next path only when a place is free', async () => {
    const { manager, outputDir } = await setUp();
    let asked = 0;
    let most = 0;
    async function* input() {
      for (const path of paths) {
        asked++;
        yield await Promise.resolve(path);
      }
    }
    const batch = manager.downloadAll(input(), { outputDir, concurrency: 2 });
    batch.on('state.changed', ({ state }) => {
      if (state === 'transferring') most = Math.max(most, asked);
      expect(batch.handles.length).toBeLessThanOrEqual(2);
    });
    batch.once('download.completed', () => expect(asked).toBeLessThanOrEqual(3));
    expect(await batch).toHaveLength(6);
    expect(most).toBeGreaterThan(2);
  });

  test('with onFailure stop cancels the others, and counts what was not begun as cancelled', async () => {
    const { manager, server, outputDir } = await setUp();
    server.put(`/${encodeURIComponent(paths[0] ?? '')}`, Buffer.from('no archive'.repeat(200)));
    const items = await manager.downloadAll(paths, { outputDir, concurrency: 1, onFailure: 'stop' });
    expect(items.map(({ status }) => status)).toEqual(['failed', ...paths.slice(1).map(() => 'cancelled')]);
    expect(await readdir(outputDir)).toEqual([]);
  });

  test('a target that is intact by its manifest counts as done; one that is not is refused, or replaced with force', async () => {
    const { manager, server, outputDir } = await setUp();
    await manager.downloadAll(paths.slice(0, 3), { outputDir });
    const requestCount = server.requests.length;
    await truncate(join(outputDir, 'run_weights_1', 'adapter_model.safetensors'), 10);
    await mkdir(join(outputDir, 'run_weights_3'));
    const again = await manager.downloadAll(paths.slice(0, 4), { outputDir });
    expect(again.map(({ status }) => status)).toEqual(['done', 'failed', 'done', 'failed']);
    expect(again[0]).toMatchObject({ result: { size_bytes: 1007 } });
    expect(again[1]).toMatchObject({ error: { code: 'destination_exists' } });
    expect(server.requests).toHaveLength(requestCount);
    const [replaced] = await manager.downloadAll(paths.slice(1, 2), { outputDir, force: true });
    expect(replaced).toMatchObject({ status: 'done', result: { size_bytes: 1008 } });
  });

  test('what a process left that was killed as soon as its target was in place is removed by the next run', async () => {
    const { manager, server, outputDir } = await setUp();
    await manager.downloadAll(paths.slice(0, 1), { outputDir });
    const requestCount = server.requests.length;
    const [folder, manifest] = await readdir(outputDir);
    await mkdir(join(outputDir, `${folder}.download`));
    await writeFile(join(outputDir, `${folder}.download`, 'journal.jsonl'), '');
    await mkdir(join(outputDir, `${folder}.download-removed`, 'files'), { recursive: true });
    expect(await manager.downloadAll(paths.slice(0, 1), { outputDir })).toMatchObject([{ status: 'done' }]);
    expect(await readdir(outputDir)).toEqual([folder, manifest]);
    expect(server.requests).toHaveLength(requestCount);
  });

  test('what cannot be cleared away beside a target that is intact does not fail it', async () => {
    const { manager, outputDir, logLines } = await setUp();
    await manager.downloadAll(paths.slice(0, 1), { outputDir });
    const [folder] = await readdir(outputDir);
    await writeFile(join(outputDir, `${folder}.download`), 'somebody else has put this here');
    expect(await manager.downloadAll(paths.slice(0, 1), { outputDir })).toMatchObject([{ status: 'done' }]);
    expect(logLines.join('\n')).toContain('something of that name is in the way');
  });

  test('pause lets nothing go on until resume, and cancel ends all', async () => {
    const { manager, server, outputDir } = await setUp();
    const gate = Promise.withResolvers<void>();
    server.effects.push({ kind: 'hold', afterBytes: 1500, until: gate.promise });
    const batch = manager.downloadAll(paths, { outputDir, concurrency: 1 });
    await expect.poll(() => server.activeCount, { timeout: 20_000 }).toBe(1);
    batch.pause();
    expect(batch.handles.map(({ status }) => status)).toEqual(['paused']);
    await expect.poll(() => server.activeCount).toBe(0);
    gate.resolve();
    batch.resume();
    await expect.poll(() => server.requests.length, { timeout: 20_000 }).toBeGreaterThan(2);
    batch.cancel();
    const statuses = (await batch).map(({ status }) => status);
    expect(statuses).toHaveLength(6);
    expect(statuses.at(-1)).toBe('cancelled');
  });

  test('refuses wrong input at once, and rejects when an iterable fails', async () => {
    const { manager, outputDir } = await setUp();
    expect(() => manager.downloadAll(['nonsense'], { outputDir })).toThrow('nonsense');
    expect(() => manager.downloadAll(paths, { concurrency: 0 })).toThrow('concurrency');
    expect(() => manager.downloadAll(paths, { onFailure: 'x' as 'stop' })).toThrow('onFailure');
    function* input() {
      yield paths[0] ?? '';
      throw new Error('no more names');
    }
    await expect(manager.downloadAll(input(), { outputDir })).rejects.toThrow('no more names');
  });
});

describe('a paused download', () => {
  test('keeps what it has, gives its slot to another, and goes on from there', async () => {
    const { manager, server, outputDir, put } = await setUp({ concurrency: 1 });
    put(checkpointTar(3_000_000));
    const gate = Promise.withResolvers<void>();
    server.effects.push({ kind: 'hold', afterBytes: 2_000_000, until: gate.promise });
    const download = manager.download(tinkerPath, { outputDir });
    await expect.poll(() => server.activeCount, { timeout: 20_000 }).toBe(1);
    const unfinished = join(outputDir, `${folderName}.download`, 'files', 'adapter_model.safetensors');
    const written = () => stat(unfinished).then(({ size }) => size);
    await expect.poll(written, { timeout: 20_000 }).toBeGreaterThan(1_000_000);
    download.pause();
    expect(download.status).toBe('paused');
    await manager.download(paths[0] ?? '', { outputDir });
    gate.resolve();
    const before = server.requests.length;
    download.resume();
    expect(await download).toMatchObject({ size_bytes: 3_000_007 });
    const starts = server.requests.slice(before).map(({ range }) => Number(/\d+/.exec(range ?? '')?.[0]));
    expect(Math.min(...starts)).toBeGreaterThan(1_000_000);
  });
});

describe('two downloads of the same checkpoint that do not know of each other', () => {
  test('work side by side: the first to finish has the folder, and the other is told', async () => {
    const { manager, server, outputDir, openSource } = await setUp();
    const other = (await setUp({ openSource })).manager;
    const gate = Promise.withResolvers<void>();
    server.effects.push({ kind: 'hold', afterBytes: 2000, until: gate.promise });
    const slow = manager.download(tinkerPath, { outputDir });
    await expect.poll(() => server.activeCount, { timeout: 20_000 }).toBe(1);
    await other.download(tinkerPath, { outputDir });
    gate.resolve();
    await expect(slow).rejects.toMatchObject({ code: 'destination_exists' });
    expect(await readdir(outputDir)).toEqual([folderName, `${folderName}.manifest.json`]);
  });
});

describe('verify', () => {
  test('finds a folder intact, and names what is missing or damaged', async () => {
    const { manager, outputDir, destination } = await setUp();
    await manager.download(tinkerPath, { outputDir });
    const intact = { tinker_path: tinkerPath, destination, intact: true, problems: [] };
    expect(await manager.verify(destination)).toEqual(intact);
    await rm(join(destination, 'adapter_config.json'));
    await writeFile(join(destination, 'adapter_model.safetensors'), Buffer.alloc(3000));
    expect(await manager.verify(destination)).toEqual({
      ...intact,
      intact: false,
      problems: [
        { name: 'adapter_config.json', problem: 'missing' },
        { name: 'adapter_model.safetensors', problem: 'damaged' },
      ],
    });
    await expect(manager.verify(outputDir)).rejects.toMatchObject({ code: 'file_access' });
  });
});
