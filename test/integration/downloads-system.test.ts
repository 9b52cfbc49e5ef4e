import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { generate } from 'selfsigned';
import { describe, expect, onTestFinished, test } from 'vitest';
import { checkpointTar, tarOf, tensorBytes } from '../helpers/archives.ts';
import { folderName, setUpDownloads, skipWaits, tinkerPath } from '../helpers/downloads.ts';

const program = fileURLToPath(new URL('../helpers/downloader.ts', import.meta.url));
const weightsName = 'adapter_model.safetensors';
const pathOf = (index: number) => `tinker://run/weights/${index}`;

interface Line {
  setback?: string;
  status?: string;
  error?: string;
  code?: string;
}

/** The program with its arguments, under a limit of the shell. */
function startDownloader(limit: string, args: readonly string[]) {
  const child = spawn('sh', ['-c', `${limit}; exec "$0" "$@"`, process.execPath, program, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const lines: Line[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(JSON.parse(line) as Line));
  return { child, lines, ended: once(child, 'close') };
}

describe('a process that may open few files', () => {
  /** Twenty downloads that all hold a connection and files, until one of them has met the limit. */
  async function runShort(retryLimit: number) {
    const { server, outputDir, put } = await setUpDownloads();
    const gate = Promise.withResolvers<void>();
    for (let index = 0; index < 20; index++) {
      put(checkpointTar(600_000 + index), undefined, pathOf(index));
      server.effects.push({ kind: 'hold', afterBytes: 300_000, until: gate.promise });
    }
    const args = [server.signedUrl('/'), outputDir, '20'];
    const { lines, ended } = startDownloader('ulimit -n 60', [...args, String(retryLimit)]);
    await expect.poll(() => lines.length, { timeout: 20_000 }).toBeGreaterThan(0);
    gate.resolve();
    await ended;
    return { lines, server, outputDir, args };
  }

  test('waits until others have closed theirs, and gets all of them', async () => {
    const { lines, outputDir } = await runShort(10);
    expect(lines[0]?.setback).toMatch(
      /too many open files: lower the concurrency or raise the limit \(ulimit -n\)/,
    );
    const statuses = lines.flatMap(({ status }) => status ?? []);
    expect(statuses).toEqual(Array.from({ length: 20 }, () => 'done'));
    expect(await readdir(outputDir)).toHaveLength(40);
  });

  test('says so where that does not help, harms no other download, and the next run gets the rest', async () => {
    const { lines, outputDir, args } = await runShort(0);
    const failed = lines.filter(({ status }) => status === 'failed');
    expect(failed.length).toBeGreaterThan(0);
    for (const { code, error } of failed)
      expect({ code, error }).toEqual({
        code: 'file_access',
        error: expect.stringContaining('raise the limit (ulimit -n)'),
      });
    const again = startDownloader('true', [...args, '0']);
    await again.ended;
    expect(again.lines.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 'done'));
    expect(await readdir(outputDir)).toHaveLength(40);
  });
});

describe('a folder that may not be written', () => {
  /** Root may write everywhere, and is somebody else for a while. */
  function asNobody(): Disposable {
    if (process.geteuid?.() !== 0) return { [Symbol.dispose]: () => undefined };
    process.seteuid?.(65_534);
    return { [Symbol.dispose]: () => process.seteuid?.(0) };
  }

  test('ends the download with the path and what to do, keeps what came, and goes on once it may', async () => {
    const { manager, server, clock, outputDir, put } = await setUpDownloads();
    // The threads have read their code by then.
    put(checkpointTar(), undefined, pathOf(0));
    await manager.download(pathOf(0), { outputDir });
    put(checkpointTar(3_000_000));
    const workspace = join(outputDir, `${folderName}.download`);
    const file = join(workspace, 'files', weightsName);
    server.effects.push({ kind: 'cut', afterBytes: 1_200_000 });
    const download = manager.download(tinkerPath, { outputDir });
    using switching = new DisposableStack();
    download.on('retry.scheduled', () => {
      for (const [path, mode] of [
        [outputDir, 0o755],
        [workspace, 0o777],
        [join(workspace, 'journal.jsonl'), 0o666],
        [file, 0o444],
      ] as const)
        chmodSync(path, mode);
      switching.use(asNobody());
    });
    skipWaits(download, clock);
    const error: unknown = await download.catch((reason: unknown) => reason);
    switching.dispose();
    expect(error).toMatchObject({
      code: 'file_access',
      message: expect.stringMatching(
        /^Cannot write .+\.download\/files\/\w+.*: permission denied: choose another/,
      ),
      details: { errno: 'EACCES' },
    });
    chmodSync(file, 0o644);
    const requestCount = server.requests.length;
    await manager.download(tinkerPath, { outputDir });
    for (const { range } of server.requests.slice(requestCount))
      expect(Number(/\d+/.exec(range ?? '')?.[0])).toBeGreaterThan(1_000_000);
  });
});

describe('a process that is killed', () => {
  test('leaves its pieces to another one, which fetches only what is missing', async () => {
    const { manager, server, outputDir, put } = await setUpDownloads();
    const content = tensorBytes(20_000_000);
    put(tarOf({ name: weightsName, body: content }), undefined, pathOf(0));
    const third = 16 * 1024 * 1024;
    server.effects.push({ from: third, kind: 'hold', afterBytes: 0, until: new Promise(() => undefined) });
    const { child, ended } = startDownloader('true', [server.signedUrl('/'), outputDir, '1', '0']);
    const journal = join(outputDir, 'run_weights_0.download', 'journal.jsonl');
    const pieceCount = async () =>
      (await readFile(journal, 'utf8').catch(() => '')).split('"piece"').length - 1;
    // All but the one that is held.
    await expect.poll(pieceCount, { timeout: 20_000 }).toBe(2);
    child.kill('SIGKILL');
    await ended;
    const requestCount = server.requests.length;
    const { destination } = await manager.download(pathOf(0), { outputDir });
    expect(content.equals(await readFile(join(destination, weightsName)))).toBe(true);
    const starts = server.requests
      .slice(requestCount)
      .map(({ range }) => Number(/\d+/.exec(range ?? '')?.[0]));
    expect(starts.length).toBeGreaterThan(0);
    for (const start of starts) expect(start).toBeGreaterThanOrEqual(third);
    expect(await readdir(outputDir)).toEqual(['run_weights_0', 'run_weights_0.manifest.json']);
  });
});

describe('an archive behind a private authority', () => {
  async function setUpPrivate() {
    const { cert, private: key } = await generate([{ name: 'commonName', value: '127.0.0.1' }], {
      extensions: [
        { name: 'basicConstraints', cA: true },
        { name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] },
      ],
    });
    const content = tensorBytes(20_000_000);
    const setUp = async (network?: { ca: string }) => {
      const bench = await setUpDownloads({ network, retryLimit: 0 }, { cert, key });
      bench.put(tarOf({ name: weightsName, body: content }), undefined, pathOf(0));
      return bench;
    };
    const written = (outputDir: string) => readFile(join(outputDir, 'run_weights_0', weightsName));
    return { cert, content, setUp, written };
  }

  test('is fetched in pieces when the service trusts it, and refused by name when not', async () => {
    const { cert, content, setUp, written } = await setUpPrivate();
    const { manager, server, outputDir } = await setUp({ ca: cert });
    await manager.download(pathOf(0), { outputDir });
    expect(content.equals(await written(outputDir))).toBe(true);
    expect(server.requests.length).toBeGreaterThan(2);
    const stranger = await setUp();
    await expect(
      stranger.manager.download(pathOf(0), { outputDir: stranger.outputDir }),
    ).rejects.toMatchObject({ code: 'connection', message: expect.stringContaining('SELF_SIGNED') });
    expect(stranger.server.requests).toEqual([]);
  });

  test('is fetched when the environment names it for all of Node', async () => {
    const { cert, content, setUp, written } = await setUpPrivate();
    const { server, outputDir } = await setUp();
    const file = join(outputDir, 'authority.pem');
    await writeFile(file, cert);
    const args = [server.signedUrl('/'), outputDir, '1', '0'];
    const { lines, ended } = startDownloader(`export NODE_EXTRA_CA_CERTS='${file}'`, args);
    await ended;
    expect(lines).toEqual([{ status: 'done' }]);
    expect(content.equals(await written(outputDir))).toBe(true);
  });
});
