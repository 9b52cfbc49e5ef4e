import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseError, seedRun, startCliBench, type CliBench } from '../helpers/cli.ts';

let bench: CliBench;
let first: string;
let second: string;

beforeAll(async () => {
  bench = await startCliBench();
  const { paths } = await seedRun(bench, ['first', 'second']);
  first = paths['first'] ?? '';
  second = paths['second'] ?? '';
});
afterAll(() => bench[Symbol.asyncDispose]());

/** Of a training state, which leaves the server by an export. */
const files = ['adapter_config.json', 'adapter_model.safetensors'];

/** Where a checkpoint lands below an output folder of the test (1.1 of the architecture). */
function folderOf(output: string, tinkerPath: string): string {
  return path.join(bench.folder, output, tinkerPath.replace('tinker://', '').replaceAll('/', '_'));
}

describe('checkpoint download (CMD-10)', () => {
  it('puts a checkpoint into a folder of its own and shows where', async () => {
    const { stdout, stderr, exitCode } = await bench.run('checkpoint', 'download', first, '--output', 'one');
    expect(exitCode).toBe(0);
    expect((await readdir(folderOf('one', first))).sort()).toEqual(files);
    expect(stdout).toContain(`Checkpoint Download: ${first}`);
    expect(stdout).toContain(`│ Downloaded to   │ ${folderOf('one', first)} │`);
    expect(stdout).toMatch(/│ Total Size +│ [\d.]+ KB +│/);
    // Without a terminal progress is a line for each step.
    expect(stderr.trimEnd().split('\n').at(-1)).toBe(`${first}: done`);
    expect(stderr).not.toContain('\u001b');
  });

  it('uses the current folder by default', async () => {
    await bench.run('checkpoint', 'download', second);
    expect((await readdir(folderOf('.', second))).sort()).toEqual(files);
  });

  it('gives path, destination and size in JSON, and no progress', async () => {
    const { stdout, stderr } = await bench.run('checkpoint', 'download', first, '-o', 'json', '-f', 'json');
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toEqual({
      checkpoint_path: first,
      destination: folderOf('json', first),
      file_size_bytes: expect.any(Number),
    });
  });

  it('refuses a target that exists, and replaces it with --force', async () => {
    const target = folderOf('again', first);
    await mkdir(target, { recursive: true });
    await writeFile(path.join(target, 'mine.txt'), 'keep me');
    const refused = await bench.run('checkpoint', 'download', first, '-o', 'again');
    expect(refused).toMatchObject({ exitCode: 1, stdout: '' });
    expect(refused.stderr).toContain('Pass --force to replace it, or choose another folder with --output.\n');
    expect(await readFile(path.join(target, 'mine.txt'), 'utf8')).toBe('keep me');
    expect(await bench.run('checkpoint', 'download', first, '-o', 'again', '--force')).toMatchObject({
      exitCode: 0,
    });
    expect((await readdir(target)).sort()).toEqual(files);
  });

  it('downloads several, in JSON as a list in the order of the arguments', async () => {
    const { stdout, exitCode } = await bench.run(
      'checkpoint',
      'download',
      second,
      first,
      '-o',
      'both',
      '-f',
      'json',
    );
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject([{ checkpoint_path: second }, { checkpoint_path: first }]);
    const folders = [second, first].map((tinkerPath) => path.basename(folderOf('both', tinkerPath)));
    expect((await readdir(path.join(bench.folder, 'both'))).sort()).toEqual(
      folders.flatMap((name) => [name, `${name}.manifest.json`]).sort(),
    );
  });

  it('keeps what succeeded when one of several fails, names the other, and ends with 1', async () => {
    const missing = `${first}-gone`;
    const forPeople = await bench.run('checkpoint', 'download', missing, first, '-o', 'some');
    expect(forPeople.exitCode).toBe(1);
    expect(forPeople.stdout).toContain('1 checkpoint downloaded');
    expect(forPeople.stderr).toContain(
      `Failed to download 1 checkpoint:\n  - ${missing}: Unknown checkpoint`,
    );
    expect((await readdir(folderOf('some', first))).sort()).toEqual(files);

    const forPrograms = await bench.run(
      'checkpoint',
      'download',
      missing,
      second,
      '-o',
      'some',
      '-f',
      'json',
    );
    expect(forPrograms).toMatchObject({ exitCode: 1, stderr: '' });
    expect(JSON.parse(forPrograms.stdout)).toMatchObject([
      { checkpoint_path: missing, error: { code: 'not_found' } },
      { checkpoint_path: second, destination: folderOf('some', second) },
    ]);
  });

  it('a single path that does not exist is not found, and leaves nothing', async () => {
    const { exitCode, stderr } = await bench.run(
      'checkpoint',
      'download',
      `${first}-gone`,
      '-o',
      'none',
      '-f',
      'json',
    );
    expect(exitCode).toBe(4);
    expect(parseError(stderr).code).toBe('not_found');
    expect(await readdir(path.join(bench.folder, 'none')).catch(() => [])).toEqual([]);
  });

  it('fetches nothing when one path is malformed', async () => {
    const { exitCode } = await bench.run('checkpoint', 'download', first, 'oops', '-o', 'malformed');
    expect(exitCode).toBe(2);
    expect(await readdir(path.join(bench.folder, 'malformed')).catch(() => [])).toEqual([]);
  });
});

describe('checkpoint download by run, and verify', () => {
  it('takes what fits the filters, and fetches nothing that is there and intact', async () => {
    const { runId, paths } = await seedRun(bench, ['older', 'newer']);
    const download = (...args: string[]) =>
      bench.json('checkpoint', 'download', '--run-id', runId, '-o', 'run', ...args);
    expect(await download('--latest')).toMatchObject({ checkpoint_path: paths['newer'] });
    const exports = (): number =>
      bench.server.requests.filter(({ path: asked }) => asked.endsWith('/save_weights_external')).length;
    const before = exports();
    expect(await download('--type', 'weights', '--since', '2020-01-01')).toMatchObject([
      { checkpoint_path: paths['newer'] },
      { checkpoint_path: paths['older'] },
    ]);
    expect(exports() - before).toBe(1);
    // The same again: a list even of one, and one that is there is no failure.
    const later = new Date(Date.now() + 3_600_000).toISOString();
    expect(await download('--latest')).toMatchObject({ checkpoint_path: paths['newer'] });
    expect(await download('--type', 'training', '--since', '2020-01-01T00:00')).toHaveLength(2);
    expect(exports() - before).toBe(1);
    expect(await bench.run('checkpoint', 'download', '--run-id', runId, '--since', later)).toMatchObject({
      exitCode: 4,
      stderr: expect.stringContaining('matching filters'),
    });
    const none = await bench.run('checkpoint', 'download', '--run-id', runId, '--type', 'sampler');
    expect(none).toMatchObject({ exitCode: 4, stdout: '' });
  });

  it('gives a list of one of a run that has no more, and refuses a folder of somebody else', async () => {
    const { runId, paths } = await seedRun(bench, ['only']);
    const only = paths['only'] ?? '';
    expect(await bench.json('checkpoint', 'download', '--run-id', runId, '-o', 'lone')).toMatchObject([
      { checkpoint_path: only },
    ]);
    await mkdir(folderOf('taken', only), { recursive: true });
    const args = ['checkpoint', 'download', '--run-id', runId, '--latest', '-o', 'taken', '--json'];
    const { exitCode, stdout, stderr } = await bench.run(...args);
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
    expect(parseError(stderr).code).toBe('destination_exists');
  });

  it('verify tells an intact folder from a damaged one and from none', async () => {
    const { paths } = await seedRun(bench, ['checked']);
    const tinkerPath = paths['checked'] ?? '';
    await bench.run('checkpoint', 'download', tinkerPath, '-o', 'checked');
    const folder = folderOf('checked', tinkerPath);
    const verify = (...folders: string[]) => bench.run('checkpoint', 'verify', ...folders);
    expect(await verify(folder)).toMatchObject({ exitCode: 0, stderr: '' });
    const file = path.join(folder, 'adapter_config.json');
    await writeFile(file, (await readFile(file, 'utf8')).replace('r', 'R'));
    const { stdout, exitCode } = await verify(folder, 'nowhere', '-f', 'json');
    expect(exitCode).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject([
      {
        tinker_path: tinkerPath,
        intact: false,
        problems: [{ name: 'adapter_config.json', problem: 'damaged' }],
      },
      { folder: 'nowhere', error: { code: 'file_access' } },
    ]);
  });

  it('verify takes what a shell makes of DIR/*, and logs nothing beside its JSON', async () => {
    const { paths } = await seedRun(bench, ['globbed']);
    const tinkerPath = paths['globbed'] ?? '';
    await bench.run('checkpoint', 'download', tinkerPath, '-o', 'globbed');
    const names = await readdir(path.join(bench.folder, 'globbed'));
    expect(names).toHaveLength(2);
    const all = names.map((name) => path.join('globbed', name));
    const { stdout, stderr, exitCode } = await bench.run('checkpoint', 'verify', ...all, '-f', 'json');
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    expect(JSON.parse(stdout)).toMatchObject([{ tinker_path: tinkerPath, intact: true }]);
  });

  it.each([
    [[], 'Give the paths of checkpoints, or --run-id.'],
    [['tinker://r/weights/a', '--latest'], '--type, --since and --latest need --run-id.'],
    [['tinker://r/weights/a', '--run-id', 'r'], 'Give either paths or --run-id, not both.'],
    [['--run-id', 'r', '--since', 'yesterday'], 'Invalid date: yesterday'],
    [['--run-id', 'r', '--type', 'foo'], 'Invalid checkpoint type: foo'],
  ])('%j is refused', async (args, message) => {
    const { exitCode, stderr } = await bench.run('checkpoint', 'download', ...args);
    expect({ exitCode, line: stderr.split('\n')[0] }).toEqual({ exitCode: 2, line: `Error: ${message}` });
  });
});
