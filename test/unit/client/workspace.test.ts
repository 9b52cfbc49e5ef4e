import { spawnSync } from 'node:child_process';
import { mkdir, mkdtempDisposable, readdir, readFile, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { toDownloadTarget } from '../../../src/client/downloads/download-target.ts';
import { Workspace } from '../../../src/client/downloads/workspace.ts';
import { recordingLogger } from '../../helpers/quiet-logger.ts';

async function setUp() {
  const folder = await mkdtempDisposable(join(tmpdir(), 'workspace-'));
  onTestFinished(() => folder.remove());
  const target = toDownloadTarget('tinker://run/weights/1', folder.path);
  const logger = recordingLogger();
  const acquire = (id: string) => Workspace.acquire(target, id, logger);
  const clear = () => Workspace.clearFinished(target, 'cleaner', logger);
  /** As a process leaves it that is killed. */
  const leave = async (root: string, holder: object, ...parts: string[]): Promise<void> => {
    await mkdir(root);
    await writeFile(join(root, 'lock'), JSON.stringify(holder));
    for (const part of parts) await mkdir(join(root, part));
  };
  return { target, acquire, clear, leave, names: () => readdir(folder.path) };
}

/** Of a process that has ended. */
function deadHolder() {
  const { pid } = spawnSync(process.execPath, ['--version']);
  return { pid, host: hostname(), id: 'killed' };
}

describe('acquire', () => {
  test('takes over what an ended process has left, and works beside a living one', async () => {
    const { target, acquire, leave } = await setUp();
    await leave(target.workspacePath, deadHolder(), 'files');
    const first = await acquire('first');
    expect(first.root).toBe(target.workspacePath);
    expect((await readdir(first.root)).toSorted()).toEqual(['files', 'lock']);
    const second = await acquire('second');
    expect(second.root).toBe(target.privateWorkspacePath('second'));
    await first.release({ keep: true });
    expect((await acquire('third')).root).toBe(target.workspacePath);
  });

  test.runIf(process.platform === 'linux')(
    'takes over from a process whose number another one has now, as after a restart of the machine',
    async () => {
      const { target, acquire, leave } = await setUp();
      await leave(target.workspacePath, { ...deadHolder(), pid: process.pid, since: 'another boot/123' });
      const workspace = await acquire('first');
      expect(workspace.root).toBe(target.workspacePath);
      const lock = JSON.parse(await readFile(join(workspace.root, 'lock'), 'utf8')) as { since?: string };
      expect(lock.since).toMatch(/^[\da-f-]{36}\/\d+$/);
    },
  );

  test('takes the one of another machine to be in use', async () => {
    const { target, acquire, leave } = await setUp();
    await leave(target.workspacePath, { ...deadHolder(), host: 'elsewhere' });
    expect((await acquire('first')).root).toBe(target.privateWorkspacePath('first'));
  });
});

describe('release', () => {
  test('removes a workspace also where a killed process was removing one', async () => {
    const { target, acquire, names } = await setUp();
    await mkdir(join(target.removedPath, 'files'), { recursive: true });
    const workspace = await acquire('first');
    await workspace.release({ keep: false });
    expect(await names()).toEqual([]);
  });
});

describe('clearFinished', () => {
  test('removes what killed processes have left, and nothing that is not theirs', async () => {
    const { target, clear, leave, names } = await setUp();
    await leave(target.workspacePath, deadHolder(), 'replaced');
    await leave(target.privateWorkspacePath('killed'), deadHolder(), 'files');
    await mkdir(target.privateWorkspacePath('killed-at-once'));
    await mkdir(join(target.removedPath, 'files'), { recursive: true });
    await mkdir(join(`${target.destination}.download-of-mine`, 'notes'), { recursive: true });
    await mkdir(`${target.destination}-2.download`);
    await clear();
    expect(await names()).toEqual(['run_weights_1-2.download', 'run_weights_1.download-of-mine']);
  });

  test('keeps what a later download can go on with, and what a living process has', async () => {
    const { target, acquire, clear, leave, names } = await setUp();
    await leave(target.workspacePath, deadHolder(), 'files');
    await clear();
    expect(await readdir(target.workspacePath)).toEqual(['files']);
    await acquire('first');
    await acquire('second');
    await clear();
    expect(await names()).toEqual(['run_weights_1.download', 'run_weights_1.download-second']);
  });
});
