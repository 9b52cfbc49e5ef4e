import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { checkpointTar, gzipped, patternBytes, tarOf, tensorBytes } from '../helpers/archives.ts';
import { folderName, setUpDownloads, tinkerPath } from '../helpers/downloads.ts';

describe('download (CMD-10, BEY-30)', () => {
  test.each([
    ['plain', checkpointTar(300_000)],
    ['gzip', gzipped(checkpointTar(300_000))],
  ])(
    'puts the files of a %s archive into the folder named after the checkpoint, and leaves nothing else',
    async (_, archive) => {
      const { manager, outputDir, destination, put } = await setUpDownloads();
      put(archive);
      const result = await manager.download(tinkerPath, { outputDir: join(outputDir, 'new', 'folder') });
      const target = join(outputDir, 'new', 'folder', folderName);
      expect(result).toEqual({
        tinker_path: tinkerPath,
        destination: target,
        size_bytes: 300_007,
        files: [
          { name: 'adapter_config.json', size_bytes: 7 },
          { name: 'adapter_model.safetensors', size_bytes: 300_000 },
          { name: 'checkpoint_complete', size_bytes: 0 },
        ],
      });
      expect(tensorBytes(300_000).equals(await readFile(join(target, 'adapter_model.safetensors')))).toBe(
        true,
      );
      expect(await readdir(join(outputDir, 'new', 'folder'))).toEqual([
        folderName,
        `${folderName}.manifest.json`,
      ]);
      expect(destination).toContain(folderName);
    },
  );

  test('tells its states, its progress and its end, on the handle and with the path on the manager', async () => {
    const { manager, outputDir } = await setUpDownloads();
    const ofManager = Array.fromAsync(manager.events({ types: ['state.changed', 'download.completed'] }));
    const download = manager.download(tinkerPath, { outputDir });
    expect(download.status).toBe('inspecting');
    const events = await Array.fromAsync(download.events());
    const result = await download;
    expect(events.flatMap((event) => (event.type === 'state.changed' ? [event.state] : []))).toEqual([
      'inspecting',
      'resolving',
      'queued',
      'transferring',
      'verifying',
      'finalizing',
      'done',
    ]);
    expect(events.filter(({ type }) => type === 'progress.updated')).toContainEqual(
      expect.objectContaining({ phase: 'transferring', receivedBytes: checkpointTar().length }),
    );
    expect(events.at(-1)).toEqual({ type: 'download.completed', ...result });
    expect(download.status).toBe('done');
    await manager.close();
    const merged = await ofManager;
    expect(merged.at(-1)).toEqual({ type: 'download.completed', path: tinkerPath, ...result });
    expect(merged.every((event) => 'path' in event && event.path === tinkerPath)).toBe(true);
  });

  test('a listener that comes late gets the state, and can be removed', async () => {
    const { manager, outputDir } = await setUpDownloads();
    const download = manager.download(tinkerPath, { outputDir });
    await download;
    const states: string[] = [];
    const listener = ({ state }: { state: string }): void => void states.push(state);
    download.on('state.changed', listener);
    download.off('state.changed', listener);
    download.once('state.changed', listener);
    expect(states).toEqual(['done', 'done']);
  });

  test('refuses an existing target before it asks the server for anything', async () => {
    const { manager, server, outputDir, destination } = await setUpDownloads();
    await mkdir(destination);
    await writeFile(join(destination, 'mine'), 'precious');
    await expect(manager.download(tinkerPath, { outputDir })).rejects.toMatchObject({
      code: 'destination_exists',
      message: expect.stringContaining(destination),
    });
    expect(server.requests).toEqual([]);
    expect(await readFile(join(destination, 'mine'), 'utf8')).toBe('precious');
  });

  test('a link at the target counts as existing, wherever it leads', async () => {
    const { manager, outputDir, destination } = await setUpDownloads();
    await symlink(join(outputDir, 'nowhere'), destination);
    await expect(manager.download(tinkerPath, { outputDir })).rejects.toMatchObject({
      code: 'destination_exists',
    });
  });

  test('with force the old target stays as it is until the new one is complete', async () => {
    const { manager, server, outputDir, destination } = await setUpDownloads();
    await mkdir(destination);
    await writeFile(join(destination, 'old'), 'old');
    const gate = Promise.withResolvers<void>();
    server.effects.push({ kind: 'hold', afterBytes: 2000, until: gate.promise });
    const download = manager.download(tinkerPath, { outputDir, force: true });
    await expect.poll(() => server.activeCount, { timeout: 20_000 }).toBe(1);
    expect(await readdir(destination)).toEqual(['old']);
    gate.resolve();
    const seen: string[][] = [];
    download.on('state.changed', ({ state }) => {
      if (state === 'finalizing') seen.push(['finalizing']);
    });
    await download;
    expect(seen).toHaveLength(1);
    expect((await readdir(destination)).toSorted()).toEqual([
      'adapter_config.json',
      'adapter_model.safetensors',
      'checkpoint_complete',
    ]);
    expect(await readdir(outputDir)).toEqual([folderName, `${folderName}.manifest.json`]);
  });

  test.each([
    ['damaged', checkpointTar().subarray(0, -1024), 'corrupt_archive'],
    ['hostile', tarOf({ name: 'good', body: 'x' }, { name: '../../escaped', body: 'x' }), 'unsafe_archive'],
  ])('with force the old target survives an archive that is %s', async (_what, archive, code) => {
    const { manager, outputDir, destination, put } = await setUpDownloads();
    await mkdir(destination);
    await writeFile(join(destination, 'old'), 'old');
    put(archive);
    await expect(manager.download(tinkerPath, { outputDir, force: true })).rejects.toMatchObject({ code });
    expect(await readFile(join(destination, 'old'), 'utf8')).toBe('old');
    expect(await readdir(outputDir)).toEqual([folderName]);
  });

  test('the target is never there before it is complete', async () => {
    const { manager, outputDir, put } = await setUpDownloads();
    put(
      tarOf(
        ...Array.from({ length: 200 }, (_, index) => ({ name: `file-${index}`, body: patternBytes(5000) })),
      ),
    );
    const download = manager.download(tinkerPath, { outputDir });
    const counts = new Set<number>();
    while (download.status !== 'done') {
      counts.add(
        await readdir(download.destination).then(
          (names) => names.length,
          () => 0,
        ),
      );
    }
    await download;
    counts.add((await readdir(download.destination)).length);
    expect([...counts]).toEqual([0, 200]);
  });

  test.each<[string, object]>([
    ['tinker://run/weights', {}],
    ['run/weights/name', {}],
    ['tinker://run/weights/na\nme', {}],
    [tinkerPath, { outputdir: '.' }],
    [tinkerPath, { outputDir: '' }],
    [tinkerPath, { force: 'yes' }],
    [tinkerPath, { signal: {} }],
    [tinkerPath, { limits: { entryCount: 0 } }],
    [tinkerPath, { limits: { files: 3 } }],
  ])('refuses download(%j, %j) at once', async (path, options) => {
    const { manager } = await setUpDownloads();
    expect(() => manager.download(path, options)).toThrow(
      expect.objectContaining({ code: 'invalid_argument' }),
    );
  });

  test('takes a limit of the caller for what an archive may hold', async () => {
    const { manager, outputDir } = await setUpDownloads();
    await expect(
      manager.download(tinkerPath, { outputDir, limits: { entryCount: 2 } }),
    ).rejects.toMatchObject({
      code: 'unsafe_archive',
      message: expect.stringContaining('more than 2 entries'),
    });
  });

  test('gives the same handle to whoever asks for what is under way, and cancels it for each of them', async () => {
    const { manager, server, outputDir } = await setUpDownloads();
    const controller = new AbortController();
    const first = manager.download(tinkerPath, { outputDir });
    expect(manager.download(tinkerPath, { outputDir, signal: controller.signal })).toBe(first);
    await first;
    expect(server.requests).toHaveLength(1);
    const second = manager.download(tinkerPath, { outputDir, force: true });
    expect(second).not.toBe(first);
    manager.download(tinkerPath, { outputDir, signal: controller.signal });
    controller.abort(new Error('enough'));
    await expect(second).rejects.toThrow('enough');
  });

  test('refuses another checkpoint that would go to the same folder', async () => {
    const { manager, outputDir } = await setUpDownloads();
    const first = manager.download('tinker://a/weights/b_weights_c', { outputDir, source: 'archive' });
    first.cancel();
    expect(() => manager.download('tinker://a_weights_b/weights/c', { outputDir })).toThrow(
      'another outputDir',
    );
    await expect(first).rejects.toMatchObject({ code: 'cancelled' });
  });

  test('says what is wrong when the output folder is a file', async () => {
    const { manager, outputDir } = await setUpDownloads();
    await writeFile(join(outputDir, 'file'), '');
    const failing = manager.download(tinkerPath, { outputDir: join(outputDir, 'file') });
    await expect(failing).rejects.toMatchObject({ code: 'file_access', category: 'user' });
  });

  test('tries a damaged archive once more before it gives up', async () => {
    const { manager, server, outputDir, put } = await setUpDownloads();
    put(checkpointTar().subarray(0, -1024));
    const download = manager.download(tinkerPath, { outputDir });
    const states: string[] = [];
    download.on('state.changed', ({ state }) => {
      states.push(state);
      if (state === 'discarding') put(checkpointTar());
    });
    expect(await download).toMatchObject({ size_bytes: 3007 });
    expect(states.filter((state) => state === 'transferring')).toHaveLength(2);
    expect(server.requests).toHaveLength(2);
  });
});
