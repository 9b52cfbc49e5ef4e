import { mkdtempDisposable, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { ManualClock, systemClock } from '../../src/core/clock.ts';
import { createLogger } from '../../src/core/logger.ts';
import { WorkerPool, type WorkerPoolOptions } from '../../src/workers/pool.ts';
import { ArchiveServer } from '../helpers/archive-server.ts';
import { checkpointTar, patternBytes } from '../helpers/archives.ts';

const stuckWorker = new URL('../helpers/stuck-worker.ts', import.meta.url).href;
const limits = { entryCount: 100, totalBytes: 1_000_000, depth: 8 };
const nothing = { folder: '', files: [] };
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
  const fetchInput = (name: string) => ({
    url: server.signedUrl(`/${name}`),
    known: undefined,
    file: name,
    path: join(folder.path, name),
    offset: 0,
    objectOffset: 0,
    length: 1_000_000,
    stallTimeoutMs: 10_000,
  });
  return { pool, server, folder: folder.path, warnings, fetchInput };
}

describe('WorkerPool', () => {
  test('runs a fetch in a thread and passes on what it tells', async () => {
    const { pool, server, folder, fetchInput } = await setUp();
    const content = patternBytes(500_000);
    server.put('/a', content);
    const told: object[] = [];
    const outcome = await pool.run('fetch', fetchInput('a'), {
      signal: new AbortController().signal,
      onMessage: (message) => told.push(message),
    });
    expect(outcome).toEqual({ kind: 'fetched', whole: false });
    expect(content.equals(await readFile(join(folder, 'a')))).toBe(true);
    expect(told.at(0)).toMatchObject({ type: 'object', facts: { etag: '"one"', sizeBytes: content.length } });
    expect(told).toContainEqual({ type: 'received', bytes: content.length });
    expect(told.at(-1)).toMatchObject({ type: 'pieces', pieces: [{ file: 'a', length: content.length }] });
  });

  test('says at once what to do when the code of its threads is not there, as after bundling', async () => {
    const { pool } = await setUp({ entry: new URL('nowhere.ts', import.meta.url).href });
    pool.prepare();
    await expect(pool.run('verify', nothing, silent)).rejects.toMatchObject({
      code: 'file_access',
      message: expect.stringMatching(/nowhere\.ts.* bundle/),
    });
  });

  test('runs more tasks at once than it has threads', async () => {
    const { pool, server, fetchInput } = await setUp();
    const gate = Promise.withResolvers<void>();
    const names = ['a', 'b', 'c', 'd', 'e'];
    for (const name of names) {
      server.put(`/${name}`, patternBytes(2000));
      server.effects.push({ kind: 'hold', afterBytes: 0, until: gate.promise });
    }
    const outcomes = names.map((name) => pool.run('fetch', fetchInput(name), silent));
    await expect.poll(() => server.activeCount, { timeout: 20_000 }).toBe(names.length);
    gate.resolve();
    expect(await Promise.all(outcomes)).toEqual(names.map(() => ({ kind: 'fetched', whole: false })));
  });

  test('brings errors of a task back as data with their code', async () => {
    const { pool, folder } = await setUp();
    const archivePath = join(folder, 'archive');
    await writeFile(archivePath, checkpointTar().subarray(0, 1000));
    const input = { folder: join(folder, 'files'), limits };
    const absent = { ...input, archivePath: join(folder, 'absent') };
    expect(await pool.run('extract', absent, silent)).toMatchObject({
      kind: 'failed',
      error: { code: 'file_access', category: 'user' },
    });
    expect(await pool.run('extract', { ...input, archivePath }, silent)).toMatchObject({
      kind: 'corrupt',
      error: { code: 'corrupt_archive' },
    });
  });

  test('a cancelled task ends by itself, and its thread goes on with the others', async () => {
    const { pool, server, warnings, fetchInput } = await setUp({ threadCount: 1 });
    const gate = Promise.withResolvers<void>();
    for (const name of ['a', 'b']) {
      server.put(`/${name}`, patternBytes(2000));
      server.effects.push({ kind: 'hold', afterBytes: 100, until: gate.promise });
    }
    const controller = new AbortController();
    const cancelled = pool.run('fetch', fetchInput('a'), { ...silent, signal: controller.signal });
    const other = pool.run('fetch', fetchInput('b'), silent);
    await expect.poll(() => server.activeCount, { timeout: 20_000 }).toBe(2);
    controller.abort();
    expect(await cancelled).toEqual({ kind: 'cancelled' });
    gate.resolve();
    expect(await other).toEqual({ kind: 'fetched', whole: false });
    expect(warnings).toEqual([]);
  });

  test('kills the thread of a cancelled task that does not answer within the grace, and works on afterwards', async () => {
    const clock = new ManualClock();
    const { pool, warnings } = await setUp({ entry: stuckWorker, clock, graceMs: 2000 });
    const controller = new AbortController();
    const stuck = pool.run('verify', nothing, { ...silent, signal: controller.signal });
    const bystander = pool.run('verify', nothing, silent);
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
    const input = { archivePath: '', folder: '', limits };
    expect(await pool.run('extract', input, silent)).toMatchObject({ kind: 'lost' });
    expect(await pool.run('extract', input, silent)).toMatchObject({ kind: 'lost' });
  });

  test('takes nothing any more when it is closed, and nothing that is aborted already', async () => {
    const { pool } = await setUp();
    const aborted = { ...silent, signal: AbortSignal.abort() };
    expect(await pool.run('verify', nothing, aborted)).toEqual({ kind: 'cancelled' });
    await pool.close();
    await pool.close();
    await expect(pool.run('verify', nothing, silent)).rejects.toMatchObject({
      code: 'client_closed',
    });
  });
});
