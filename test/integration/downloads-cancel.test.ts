import { execFile } from 'node:child_process';
import { getEventListeners } from 'node:events';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { CheckpointDownload } from '../../src/client/downloads/checkpoint-download.ts';
import { DownloadManager } from '../../src/client/downloads/download-manager.ts';
import { systemClock } from '../../src/core/clock.ts';
import { createLogger } from '../../src/core/logger.ts';
import { CancelledError, ClientClosedError } from '../../src/core/errors.ts';
import { checkpointTar, tensorBytes } from '../helpers/archives.ts';
import { folderName, setUpDownloads, tinkerPath } from '../helpers/downloads.ts';

/** A download whose transfer hangs after some bytes, until the test ends. */
async function setUpHanging() {
  const bench = await setUpDownloads();
  const gate = Promise.withResolvers<void>();
  onTestFinished(() => gate.resolve());
  bench.server.effects.push({ kind: 'hold', afterBytes: 2000, until: gate.promise });
  const untilHanging = () => expect.poll(() => bench.server.activeCount, { timeout: 20_000 }).toBe(1);
  return { ...bench, untilHanging };
}

/** Where the weights lie until the download is complete. */
const partPath = (outputDir: string) =>
  join(outputDir, `${folderName}.download`, 'files', 'adapter_model.safetensors');

/** 0 before it is there. */
async function sizeOf(file: string): Promise<number> {
  return (await stat(file).catch(() => undefined))?.size ?? 0;
}

describe('ending a download early', () => {
  test('cancel goes through cancelling, rejects with CancelledError and leaves nothing', async () => {
    const { manager, outputDir, untilHanging } = await setUpHanging();
    const download = manager.download(tinkerPath, { outputDir });
    const states: string[] = [];
    download.on('state.changed', ({ state }) => states.push(state));
    await untilHanging();
    expect(await readdir(outputDir)).toEqual([`${folderName}.download`]);
    download.cancel();
    download.cancel();
    await expect(download).rejects.toBeInstanceOf(CancelledError);
    expect(states.slice(-2)).toEqual(['cancelling', 'cancelled']);
    expect(await readdir(outputDir)).toEqual([]);
  });

  test('cancel with keep, an aborted signal and a closed handle keep what came, and the next download goes on from it', async () => {
    const { manager, server, outputDir, put } = await setUpDownloads();
    put(checkpointTar(3_000_000));
    const controller = new AbortController();
    const ways: Array<(download: CheckpointDownload) => unknown> = [
      (download) => download.cancel({ keep: true }),
      () => controller.abort(),
      (download) => download.close(),
    ];
    const begun: number[] = [];
    /** Where the first byte was that has been asked for since. */
    const beginningSince = (count: number) =>
      Math.min(...server.requests.slice(count).map(({ range }) => Number(/\d+/.exec(range ?? '')?.[0])));
    for (const end of ways) {
      const before = await sizeOf(partPath(outputDir));
      const requestCount = server.requests.length;
      const gate = Promise.withResolvers<void>();
      // What follows the weights is asked for beside the rest of them.
      const hold = { kind: 'hold', afterBytes: 600_000, until: gate.promise } as const;
      server.effects.splice(0, Number.POSITIVE_INFINITY, hold, hold);
      const signal = controller.signal.aborted ? undefined : controller.signal;
      const download = manager.download(tinkerPath, { outputDir, signal });
      // Written in runs of 256 KB.
      await expect
        .poll(() => sizeOf(partPath(outputDir)), { timeout: 20_000 })
        .toBeGreaterThan(before + 500_000);
      begun.push(beginningSince(requestCount));
      end(download);
      await expect(download).rejects.toBeDefined();
      gate.resolve();
      expect(await readdir(join(outputDir, `${folderName}.download`))).toEqual(['files', 'journal.jsonl']);
    }
    expect(begun[0]).toBe(0);
    expect(begun[1]).toBeGreaterThan(500_000);
    expect(begun[2]).toBeGreaterThan(1_000_000);
    const requestCount = server.requests.length;
    server.effects.length = 0;
    const { destination } = await manager.download(tinkerPath, { outputDir });
    expect(beginningSince(requestCount)).toBeGreaterThan(1_500_000);
    const written = await readFile(join(destination, 'adapter_model.safetensors'));
    expect(written.equals(tensorBytes(3_000_000))).toBe(true);
  });

  test('a download that ends while it looks at what is there already keeps all of it', async () => {
    const { manager, server, outputDir, put } = await setUpDownloads();
    put(checkpointTar(3_000_000));
    server.effects.push({ kind: 'hold', afterBytes: 2_000_000, until: new Promise(() => undefined) });
    const first = manager.download(tinkerPath, { outputDir });
    await expect.poll(() => sizeOf(partPath(outputDir)), { timeout: 20_000 }).toBeGreaterThan(1_500_000);
    first.cancel({ keep: true });
    await expect(first).rejects.toBeInstanceOf(CancelledError);
    const second = manager.download(tinkerPath, { outputDir });
    // The transfer begins with the look.
    second.on('state.changed', ({ state }) => {
      if (state === 'transferring') second.cancel({ keep: true });
    });
    await expect(second).rejects.toBeInstanceOf(CancelledError);
    await manager.download(tinkerPath, { outputDir });
    const [, ...later] = server.requests.map(({ range }) => Number(/\d+/.exec(range ?? '')?.[0]));
    expect(later.length).toBeGreaterThan(0);
    for (const start of later) expect(start).toBeGreaterThan(1_500_000);
  });

  test('an aborted signal rejects with its own reason, and no listener is left on it', async () => {
    const { manager, outputDir, untilHanging } = await setUpHanging();
    const controller = new AbortController();
    const reason = new Error('the user went home');
    const download = manager.download(tinkerPath, { outputDir, signal: controller.signal });
    await untilHanging();
    controller.abort(reason);
    await expect(download).rejects.toBe(reason);
    expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
    await expect(manager.download(tinkerPath, { outputDir, signal: controller.signal })).rejects.toBe(reason);
  });

  test('the same checkpoint can be downloaded again right after a cancel', async () => {
    const { manager, outputDir, untilHanging } = await setUpHanging();
    const first = manager.download(tinkerPath, { outputDir });
    await untilHanging();
    first.cancel();
    await expect(first).rejects.toBeInstanceOf(CancelledError);
    expect(await manager.download(tinkerPath, { outputDir })).toMatchObject({ size_bytes: 3007 });
  });

  test('a handle that goes out of scope is cancelled, and one that is done stays as it is', async () => {
    const { manager, outputDir, untilHanging } = await setUpHanging();
    {
      await using download = manager.download(tinkerPath, { outputDir });
      await untilHanging();
      expect(download.status).toBe('transferring');
    }
    expect(await readdir(outputDir)).not.toContain(folderName);
    {
      await using download = manager.download(tinkerPath, { outputDir });
      await download;
    }
    expect(await readdir(outputDir)).toEqual([folderName, `${folderName}.manifest.json`]);
  });

  test('closing the manager ends what runs and what waits, with ClientClosedError', async () => {
    const { manager, outputDir, untilHanging } = await setUpHanging();
    const running = manager.download(tinkerPath, { outputDir });
    await untilHanging();
    const late = manager.download('tinker://run:train:0/weights/other', { outputDir });
    const ends = Promise.allSettled([running, late]);
    await Promise.all([manager.close(), manager.close()]);
    for (const end of await ends) expect(end).toMatchObject({ reason: expect.any(ClientClosedError) });
    expect(await readdir(outputDir)).not.toContain(folderName);
    expect(() => manager.download(tinkerPath, { outputDir })).toThrow(ClientClosedError);
  });

  test('a cancel after the end changes nothing', async () => {
    const { manager, outputDir } = await setUpDownloads();
    const download = manager.download(tinkerPath, { outputDir });
    await download;
    download.cancel();
    await download.close();
    expect(download.status).toBe('done');
  });

  test('a failed download that nobody awaits is logged and ends nothing', async () => {
    const { manager, outputDir, logLines, put } = await setUpDownloads();
    const unhandled: unknown[] = [];
    const onUnhandled = (reason: unknown): void => void unhandled.push(reason);
    process.on('unhandledRejection', onUnhandled);
    onTestFinished(() => void process.off('unhandledRejection', onUnhandled));
    put(Buffer.from('no archive'.repeat(200)));
    const download = manager.download(tinkerPath, { outputDir });
    await expect.poll(() => download.status, { timeout: 20_000 }).toBe('failed');
    await expect.poll(() => logLines.join()).toContain('nobody awaits it');
    expect(unhandled).toEqual([]);
  });
});

describe('several downloads', () => {
  test('never transfer more at once than the concurrency, and all of them finish', async () => {
    const { manager, server, outputDir, put } = await setUpDownloads({ concurrency: 2 });
    const paths = Array.from({ length: 6 }, (_, index) => `tinker://run:train:0/weights/${index}`);
    const gates = paths.map(() => Promise.withResolvers<void>());
    for (const [index, path] of paths.entries()) {
      put(checkpointTar(1000 + index), undefined, path);
      server.effects.push({
        kind: 'hold',
        afterBytes: 10,
        until: gates[index]?.promise ?? Promise.resolve(),
      });
    }
    const downloads = paths.map((path) => manager.download(path, { outputDir }));
    const all = Promise.all(downloads);
    for (const [index, gate] of gates.entries()) {
      await expect.poll(() => server.requests.length, { timeout: 20_000 }).toBe(Math.min(index + 2, 6));
      gate.resolve();
    }
    expect((await all).map(({ size_bytes }) => size_bytes)).toEqual([1007, 1008, 1009, 1010, 1011, 1012]);
    expect(server.mostActiveCount).toBe(2);
  });

  test('the concurrency must be a positive integer', () => {
    const options = {
      clock: systemClock,
      random: Math.random,
      logger: createLogger('silent', () => undefined),
    };
    const create = () =>
      DownloadManager.create({
        ...options,
        concurrency: 0,
        openSource: () => {
          throw new Error('not asked for');
        },
      });
    expect(create).toThrow('concurrency');
  });

  test('a program that forgets to close the manager ends all the same', async () => {
    const { server, outputDir } = await setUpDownloads();
    const source = (path: string): string =>
      JSON.stringify(new URL(`../../src/${path}`, import.meta.url).href);
    const script = join(outputDir, 'forgetful.ts');
    await writeFile(
      script,
      `import { DownloadManager } from ${source('client/downloads/download-manager.ts')};
       import { systemClock } from ${source('core/clock.ts')};
       import { stderrLogger } from ${source('core/logger.ts')};
       const url = ${JSON.stringify(server.signedUrl(`/${encodeURIComponent(tinkerPath)}`))};
       const manager = DownloadManager.create({
         openSource: () => ({
           resolve: async () => ({ kind: 'ready', source: { kind: 'archive', url, expires: '' } }),
           release: async () => undefined,
         }),
         clock: systemClock,
         random: Math.random,
         logger: stderrLogger('warn'),
       });
       const { size_bytes } = await manager.download(${JSON.stringify(tinkerPath)}, { outputDir: ${JSON.stringify(outputDir)} });
       process.stdout.write(String(size_bytes));`,
    );
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [script], { timeout: 25_000 });
    expect({ stdout, stderr }).toEqual({ stdout: '3007', stderr: '' });
  });
});
