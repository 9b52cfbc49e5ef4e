import { mkdir, mkdtempDisposable, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { toDownloadTarget } from '../../../src/client/downloads/download-target.ts';
import { placeDownload } from '../../../src/client/downloads/place-download.ts';
import { Workspace } from '../../../src/client/downloads/workspace.ts';
import { recordingLogger } from '../../helpers/quiet-logger.ts';

const tinkerPath = 'tinker://run/weights/1';

async function setUp() {
  const folder = await mkdtempDisposable(join(tmpdir(), 'place-download-'));
  onTestFinished(() => folder.remove());
  const target = toDownloadTarget(tinkerPath, folder.path);
  const logger = recordingLogger();
  const workspace = await Workspace.acquire(target, 'first', logger);
  const fill = async (path: string, content: string): Promise<void> => {
    await mkdir(path);
    await writeFile(join(path, 'weights'), content);
  };
  await fill(workspace.filesFolder, 'new');
  const files = [{ name: 'weights', size_bytes: 3, crc32c: 1 }];
  const facts = { tinkerPath, source: 'archive' as const, files, now: 0 };
  const place = (force = false) => placeDownload({ ...facts, target, workspace, force, logger });
  const weights = () => readFile(join(target.destination, 'weights'), 'utf8');
  const manifest = () => readFile(target.manifestPath, 'utf8').catch(() => undefined);
  return { target, logger, workspace, fill, place, weights, manifest };
}

describe('placeDownload', () => {
  test('writes the manifest of a new folder before the folder appears', async () => {
    const { workspace, target, place, manifest } = await setUp();
    // What cannot be moved stands for a process that is killed just before.
    await workspace.empty();
    await expect(place()).rejects.toMatchObject({ code: 'file_access' });
    expect(await manifest()).toContain(tinkerPath);
    expect(await readdir(target.outputDir)).not.toContain('run_weights_1');
  });

  test('leaves an old folder its own manifest until the folder is replaced', async () => {
    const { workspace, target, fill, place, weights, manifest } = await setUp();
    await fill(target.destination, 'old');
    await writeFile(target.manifestPath, 'of the old one');
    await expect(place()).rejects.toMatchObject({ code: 'destination_exists' });
    expect(await manifest()).toBe('of the old one');
    await place(true);
    expect(await weights()).toBe('new');
    expect(await manifest()).toContain(tinkerPath);
    await workspace.release({ keep: false });
    expect(await readdir(target.outputDir)).toEqual(['run_weights_1', 'run_weights_1.manifest.json']);
  });

  test('puts the folder in its place without a manifest that cannot be written, and says so', async () => {
    const { target, logger, place, weights } = await setUp();
    await mkdir(target.manifestPath);
    await place();
    expect(await weights()).toBe('new');
    expect(logger.lines).toContainEqual({
      level: 'warn',
      message: expect.stringContaining('a folder is in the way'),
    });
  });
});
