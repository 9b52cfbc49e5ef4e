import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CheckpointFiles, completeMarker } from '../../../src/server/checkpoint-files.ts';
import type { CheckpointKey } from '../../../src/server/store/checkpoint-store.ts';

const key: CheckpointKey = { run_id: 's:train:0', kind: 'weights', name: 'a' };

let dataDir: string;
let files: CheckpointFiles;
/** What the row would say. */
let revision: string | undefined;

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'checkpoint-files-'));
  files = new CheckpointFiles(dataDir);
  revision = undefined;
});
afterEach(() => rmSync(dataDir, { recursive: true }));

async function stage(content: string): Promise<string> {
  const staged = await files.stage();
  writeFileSync(join(staged, 'weights'), content);
  return staged;
}

async function publish(content: string, next: string): Promise<void> {
  await files.publish(await stage(content), key, revision, () => {
    revision = next;
  });
}

const recover = () => files.recover(['s:train:0'], () => revision);
const saved = () => readFileSync(join(files.directoryOf(key), 'weights'), 'utf8');
const siblings = () => readdirSync(join(dataDir, 'runs', 's_train_0', 'weights'));

describe('CheckpointFiles', () => {
  it('keeps a checkpoint under its run, kind and name, with : as _', async () => {
    await publish('one', 'r1');
    expect(files.directoryOf(key)).toBe(join(dataDir, 'runs', 's_train_0', 'weights', 'a'));
    expect(saved()).toBe('one');
  });

  it('marks a folder complete and tells the size of its files', async () => {
    const staged = await stage('12345');
    expect(await files.seal(staged)).toBe(5);
    expect(existsSync(join(staged, completeMarker))).toBe(true);
  });

  it('replaces a checkpoint and leaves nothing of the old one', async () => {
    await publish('one', '01');
    await publish('two', '02');
    expect(saved()).toBe('two');
    expect(siblings()).toEqual(['a']);
    expect(readdirSync(join(dataDir, 'staging'))).toEqual([]);
  });

  it('puts the old checkpoint back when its row cannot be written', async () => {
    await publish('one', '01');
    const failing = files.publish(await stage('two'), key, revision, () => {
      throw new Error('disk full');
    });
    await expect(failing).rejects.toThrow('disk full');
    expect(saved()).toBe('one');
    expect(siblings()).toEqual(['a']);
  });

  it('removes a folder whose row was never written, and what was staged', async () => {
    await stage('half');
    mkdirSync(files.directoryOf(key), { recursive: true });
    await recover();
    expect(siblings()).toEqual([]);
    expect(existsSync(join(dataDir, 'staging'))).toBe(false);
  });

  it('keeps a folder that has a row', async () => {
    await publish('one', '01');
    await recover();
    expect(saved()).toBe('one');
  });

  it('restores the old checkpoint when a kill fell between setting it aside and writing the new row', async () => {
    await publish('one', '01');
    renameSync(files.directoryOf(key), join(files.directoryOf(key), '..', '.a.01.replaced'));
    await recover();
    expect(saved()).toBe('one');

    renameSync(files.directoryOf(key), join(files.directoryOf(key), '..', '.a.01.replaced'));
    mkdirSync(files.directoryOf(key));
    writeFileSync(join(files.directoryOf(key), 'weights'), 'two');
    await recover();
    expect(saved()).toBe('one');
    expect(siblings()).toEqual(['a']);
  });

  it('keeps the new checkpoint when a kill fell between writing its row and removing the old folder', async () => {
    await publish('two', '02');
    mkdirSync(join(files.directoryOf(key), '..', '.a.01.replaced'));
    await recover();
    expect(saved()).toBe('two');
    expect(siblings()).toEqual(['a']);
  });
});
