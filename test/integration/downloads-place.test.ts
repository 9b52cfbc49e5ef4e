import { mkdir, mkdtempDisposable, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { toDownloadTarget } from '../../src/client/downloads/download-target.ts';
import { placeFolder } from '../../src/client/downloads/place-folder.ts';
import { createLogger } from '../../src/core/logger.ts';

async function setUp() {
  const temporary = await mkdtempDisposable(join(tmpdir(), 'place-'));
  onTestFinished(() => temporary.remove());
  const folder = temporary.path;
  const stagingPath = join(folder, 'staging');
  const destination = join(folder, 'target');
  const asidePath = join(folder, 'aside');
  const fill = async (path: string, content: string): Promise<void> => {
    await mkdir(path);
    await writeFile(join(path, 'file'), content);
  };
  const place = (force: boolean) =>
    placeFolder({
      folder: stagingPath,
      destination,
      asidePath,
      force,
      logger: createLogger('silent', () => undefined),
    });
  const contentOf = (path: string) => readFile(join(path, 'file'), 'utf8');
  return { folder, stagingPath, destination, fill, place, contentOf };
}

describe('placeFolder', () => {
  test('makes the staging folder the destination', async () => {
    const { folder, stagingPath, destination, fill, place, contentOf } = await setUp();
    await fill(stagingPath, 'new');
    await place(false);
    expect(await contentOf(destination)).toBe('new');
    expect(await readdir(folder)).toEqual(['target']);
  });

  test('with force replaces the old one and deletes it', async () => {
    const { folder, stagingPath, destination, fill, place, contentOf } = await setUp();
    await fill(stagingPath, 'new');
    await fill(destination, 'old');
    await place(true);
    expect(await contentOf(destination)).toBe('new');
    expect(await readdir(folder)).toEqual(['target']);
  });

  test('brings the old one back when the new one cannot be put in its place', async () => {
    const { folder, destination, fill, place, contentOf } = await setUp();
    await fill(destination, 'old');
    await expect(place(true)).rejects.toMatchObject({ code: 'file_access' });
    expect(await contentOf(destination)).toBe('old');
    expect(await readdir(folder)).toEqual(['target']);
  });

  test('does not replace a target that appeared during the download', async () => {
    const { stagingPath, destination, fill, place, contentOf } = await setUp();
    await fill(stagingPath, 'new');
    await fill(destination, 'somebody else');
    await expect(place(false)).rejects.toMatchObject({ code: 'destination_exists' });
    expect(await contentOf(destination)).toBe('somebody else');
  });
});

describe('toDownloadTarget', () => {
  test('names targets as the official program does; on Windows colons become underscores too', () => {
    expect(toDownloadTarget('tinker://a:train:0/weights/x', '/data', 'linux').destination).toBe(
      '/data/a:train:0_weights_x',
    );
    expect(toDownloadTarget('tinker://a:b\\c/weights/x?', '/data', 'win32').destination).toBe(
      '/data/a_b_c_weights_x_',
    );
    expect(toDownloadTarget('tinker://../weights/..', '.', 'linux').destination).toBe(
      join(process.cwd(), '.._weights_..'),
    );
  });
});
