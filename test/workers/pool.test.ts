import { mkdtempDisposable, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { ManualClock, systemClock } from '../../src/core/clock.ts';
import { createLogger } from '../../src/core/logger.ts';
import type { DownloadProgress } from '../../src/types/downloads.ts';
import { WorkerPool, type WorkerPoolOptions } from '../../src/workers/pool.ts';
import type { PartFacts } from '../../src/workers/protocol.ts';
import { ArchiveServer } from '../helpers/archive-server.ts';
import { checkpointTar, patternBytes } from '../helpers/archives.ts';

const stuckWorker = new URL('../helpers/stuck-worker.ts', import.meta.url).href;
const silent = { signal: new AbortController().signal, onMessage: () => undefined };

async function setUp(options: Partial<WorkerPoolOptions> = {}) {
  const warnings: string[] = [];
  const logger = createLogger('warn', (line) => warnings.push(line));
  const pool = new WorkerPool({ clock: systemClock, logger, threadCount: 2, ...options });
  const server = await ArchiveServer.start();
  const folder = await mkdtempDisposable(join(tmpdir(), 'pool-'));
  onTestFinished(async () => {
    await pool.close();
    await server[Symbol.asyncDispose]();
    await folder.remove();
  });
  const transferInput = (name: string) => ({
    url: server.signedUrl(`/${name}`),
    partPath: join(folder.path, `${name}.part`),
    stallTimeoutMs: 10_000,
  });
  return { pool, server, folder: folder.path, warnings, transferInput };
}

describe('WorkerPool', () => {
  test('runs a transfer in a thread and passes its facts and its last progress on', async () => {
    const { pool, server, folder, transferInput } = await setUp();
    const content = patternBytes(500_000);
    server.put('/a', content);
    const facts: PartFacts[] = [];
    const progress: DownloadProgress[] = [];
    const outcome = await pool.run('transfer', transferInput('a'), {
      signal: new AbortController().signal,
      onMessage: (message) => {
        if (message.type === 'part') facts.push(message.facts);
        else progress.push(message.progress);
      },
    });
    expect(outcome).toEqual({ kind: 'complete', receivedBytes: content.length });
    expect(content.equals(await readFile(join(folder, 'a.part')))).toBe(true);
    expect(facts).toEqual([{ etag: '"one"', totalBytes: content.length }]);
    expect(progress.at(-1)).toMatchObject({ receivedBytes: content.length });
  });

  test('runs more tasks at once than it has threads', async () => {
    const { pool, server, transferInput } = await setUp();
    const gate = Promise.withResolvers<void>();
    const names = ['a', 'b', 'c', 'd', 'e'];
    for (const name of names) {
      server.put(`/${name}`, patternBytes(2000));
      server.effects.push({ kind: 'hold', afterBytes: 0, until: gate.promise });
    }
    const outcomes = names.map((name) => pool.run('transfer', transferInput(name), silent));
    await expect.poll(() => server.activeCount, { timeout: 20_000 }).toBe(names.length);
    gate.resolve();
    expect(await Promise.all(outcomes)).toEqual(names.map(() => ({ kind: 'complete', receivedBytes: 2000 })));
  });

  test('brings errors of a task back as data with their code', async () => {
    const { pool, folder } = await setUp();
    const archivePath = join(folder, 'archive');
    await writeFile(archivePath, checkpointTar().subarray(0, 1000));
    expect(await pool.run('verify', { archivePath: join(folder, 'absent') }, silent)).toMatchObject({
      kind: 'failed',
      error: { code: 'file_access', category: 'user' },
    });
    expect(await pool.run('verify', { archivePath, totalBytes: 4000 }, silent)).toMatchObject({
      kind: 'corrupt',
      error: { code: 'corrupt_archive' },
    });
  });

  test('a cancelled task ends by itself, and its thread goes on with the others', async () => {
    const { pool, server, warnings, transferInput } = await setUp({ threadCount: 1 });
    const gate = Promise.withResolvers<void>();
    for (const name of ['a', 'b']) {
      server.put(`/${name}`, patternBytes(2000));
      server.effects.push({ kind: 'hold', afterBytes: 100, until: gate.promise });
    }
    const controller = new AbortController();
    const cancelled = pool.run('transfer', transferInput('a'), { ...silent, signal: controller.signal });
    const other = pool.run('transfer', transferInput('b'), silent);
    await expect.poll(() => server.activeCount, { timeout: 20_000 }).toBe(2);
    controller.abort();
    expect(await cancelled).toEqual({ kind: 'cancelled' });
    gate.resolve();
    expect(await other).toEqual({ kind: 'complete', receivedBytes: 2000 });
    expect(warnings).toEqual([]);
  });

  test('kills the thread of a cancelled task that does not answer within the grace, and works on afterwards', async () => {
    const clock = new ManualClock();
    const { pool, warnings } = await setUp({ entry: stuckWorker, clock, graceMs: 2000 });
    const controller = new AbortController();
    const stuck = pool.run('verify', { archivePath: '' }, { ...silent, signal: controller.signal });
    const bystander = pool.run('verify', { archivePath: '' }, silent);
    controller.abort();
    // The grace begins when the task has started.
    await expect.poll(() => clock.pendingCount, { timeout: 20_000 }).toBe(1);
    clock.advance(1999);
    expect(clock.pendingCount).toBe(1);
    clock.advance(1);
    expect(await stuck).toEqual({ kind: 'cancelled' });
    expect(await bystander).toMatchObject({ kind: 'lost', error: { code: 'internal' } });
    expect(warnings.join()).toContain('did not stop');
  });

  test('a thread that crashes loses its task, not the pool', async () => {
    const { pool } = await setUp({ entry: stuckWorker });
    const input = { archivePath: '', stagingPath: '', limits: { entryCount: 1, totalBytes: 1, depth: 1 } };
    expect(await pool.run('extract', input, silent)).toMatchObject({ kind: 'lost' });
    expect(await pool.run('extract', input, silent)).toMatchObject({ kind: 'lost' });
  });

  test('takes nothing any more when it is closed, and nothing that is aborted already', async () => {
    const { pool } = await setUp();
    const aborted = { ...silent, signal: AbortSignal.abort() };
    expect(await pool.run('verify', { archivePath: '' }, aborted)).toEqual({ kind: 'cancelled' });
    await pool.close();
    await pool.close();
    await expect(pool.run('verify', { archivePath: '' }, silent)).rejects.toMatchObject({
      code: 'client_closed',
    });
  });
});
