import { readdir } from 'node:fs/promises';
import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { checkpointTar } from '../helpers/archives.ts';
import { setUpDownloads, skipWaits, tinkerPath } from '../helpers/downloads.ts';

const archive = checkpointTar(3_000_000);

describe('the signed address of a download', () => {
  test.each([
    ['file:///etc/passwd?signature=secret', 'file:///etc/passwd'],
    ['ftp://user:secret@store/one?signature=secret', 'ftp://store/one'],
    ['//user:secret@store/one?signature=secret', '"store/one"'],
    ['one two?signature=secret', '"one two"'],
    ['', '""'],
  ])('that cannot be fetched from (%s) is named without its query, with what to do', async (url, shown) => {
    const { manager, resolutions, outputDir } = await setUpDownloads();
    resolutions.push({ kind: 'ready', source: { kind: 'archive', url, expires: '' } });
    const error: unknown = await manager
      .download(tinkerPath, { outputDir })
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: 'invalid_response',
      message: expect.stringContaining(`no http or https URL: ${shown}. Check that the base URL`),
    });
    expect(inspect(error, { depth: 5, showHidden: true })).not.toMatch(/secret|signature/);
    expect(await readdir(outputDir)).toEqual([]);
  });

  test('never shows its query: not in errors, events or the log', async () => {
    const { manager, server, clock, outputDir, logLines, put } = await setUpDownloads({ retryLimit: 1 });
    put(archive);
    server.effects.push(
      { kind: 'cut', afterBytes: 1_200_000 },
      { kind: 'reply', status: 403 },
      { kind: 'reply', status: 503 },
      { kind: 'reply', status: 400, body: 'secret' },
    );
    const said: string[] = [];
    const download = manager.download(tinkerPath, { outputDir });
    skipWaits(download, clock);
    const events = Array.fromAsync(download.events());
    const error = await download.catch((reason: unknown) => reason);
    said.push(inspect(error, { depth: 5, showHidden: true }));
    said.push(JSON.stringify(await events), ...logLines);
    expect(said.join('\n')).toContain('127.0.0.1');
    expect(said.join('\n')).not.toMatch(/secret|signature/);
  });
});

describe('addresses that expire while their downloads wait for a slot', () => {
  const paths = Array.from({ length: 4 }, (_, index) => `tinker://run/weights/${index}`);
  const toRequestPath = (path: string): string => `/${encodeURIComponent(path)}`;

  /** Each download takes longer than an address lives, and none may fail once. */
  async function setUp() {
    const { manager, server, clock, resolutions, outputDir, put } = await setUpDownloads({
      concurrency: 1,
      retryLimit: 0,
    });
    for (const path of paths) put(checkpointTar(1000), undefined, path);
    const downloadAll = async (): Promise<string[]> => {
      const batch = manager.downloadAll(paths, { outputDir, concurrency: paths.length });
      batch.on('state.changed', ({ state }) => {
        if (state !== 'verifying') return;
        clock.advance(900_000);
        server.expireUrls();
      });
      return (await batch).map(({ status }) => status);
    };
    const requested = () => server.requests.map(({ path }) => path);
    return { server, resolutions, downloadAll, requested };
  }

  test('are asked for again as soon as there is one: no request is refused', async () => {
    const { downloadAll, requested } = await setUp();
    expect(await downloadAll()).toEqual(paths.map(() => 'done'));
    expect(requested()).toEqual(paths.map(toRequestPath));
  });

  test('are asked for again while it is held, where nobody says when they expire', async () => {
    const { server, resolutions, downloadAll, requested } = await setUp();
    for (const path of paths)
      resolutions.push({
        kind: 'ready',
        source: { kind: 'archive', url: server.signedUrl(toRequestPath(path)), expires: '' },
      });
    expect(await downloadAll()).toEqual(paths.map(() => 'done'));
    const [first = '', ...others] = paths.map(toRequestPath);
    expect(requested()).toEqual([first, ...others.flatMap((path) => [path, path])]);
  });
});
