import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Encrypter, generateIdentity, identityToRecipient } from 'age-encryption';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ArchiveServer } from '../helpers/archive-server.ts';
import { checkpointTar, tensorBytes } from '../helpers/archives.ts';
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
    const none = await bench.run('checkpoint', 'download', '--run-id', runId, '--type', 'sampler');
    expect(none).toMatchObject({ exitCode: 4, stdout: '' });
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
    [['tinker://r/weights/a', '--latest'], 'Give either paths or --run-id, not both.'],
  ])('%j is refused', async (args, message) => {
    const { exitCode, stderr } = await bench.run('checkpoint', 'download', ...args);
    expect({ exitCode, line: stderr.split('\n')[0] }).toEqual({ exitCode: 2, line: `Error: ${message}` });
  });
});

describe('checkpoint download of an encrypted export', () => {
  it('decrypts with the keys of --identity, and shows nothing of them', async () => {
    await using own = await startCliBench();
    await using store = await ArchiveServer.start();
    const service = await own.connect();
    const training = await service.createLoraTrainingClient({ base_model: 'local/random', rank: 4 });
    const { path: exported } = await training.saveWeightsExternal({ name: 'secret' });
    const [stranger, identity] = [await generateIdentity(), await generateIdentity()];
    const encrypter = new Encrypter();
    encrypter.addRecipient(await identityToRecipient(identity));
    const plain = tensorBytes(2_000_000);
    store.put('/file', Buffer.from(await encrypter.encrypt(plain)));
    own.server.faults.add({
      route: '/api/v1/training_runs/:run/checkpoints/:kind/:name/external_weights_urls',
      count: Number.POSITIVE_INFINITY,
      effect: {
        kind: 'reply',
        status: 200,
        body: {
          urls: { 'adapter_model.safetensors.age': store.signedUrl('/file') },
          expires: new Date(Date.now() + 900_000).toISOString(),
        },
      },
    });
    await writeFile(path.join(own.folder, 'wrong.txt'), `${stranger}\n`);
    await writeFile(path.join(own.folder, 'key.txt'), `# mine\n${stranger}\n${identity}\n`);
    await writeFile(path.join(own.folder, 'none.txt'), 'oops');
    const download = (file: string) =>
      own.run('checkpoint', 'download', exported, '-o', 'out', '--identity', file);
    expect(await download('none.txt')).toMatchObject({
      exitCode: 2,
      stderr: expect.stringMatching(/^Error: none.txt is no age identity file: line 1/),
    });
    const refused = await download('wrong.txt');
    expect(refused).toMatchObject({ exitCode: 1, stdout: '' });
    expect(refused.stderr).toMatch(/cannot be decrypted[^]*\n.*--identity.*\n$/);
    const requestCount = store.requests.length;
    const done = await download('key.txt');
    expect(done).toMatchObject({ exitCode: 0 });
    const folder = folderOf('out', exported).replace(bench.folder, own.folder);
    const written = await readFile(path.join(folder, 'adapter_model.safetensors'));
    expect(written.equals(plain)).toBe(true);
    expect(await readdir(folder)).toEqual(['adapter_model.safetensors']);
    // What came with the wrong key is not fetched again.
    expect(store.requests).toHaveLength(requestCount);
    const shown = [refused, done].flatMap(({ stdout, stderr }) => [stdout, stderr]).join('');
    for (const key of [stranger, identity]) expect(shown).not.toContain(key);
  });
});

/** A sampler's checkpoint whose archive lies on a server of its own, which the test holds up. */
async function setUpSlow() {
  await using starting = new AsyncDisposableStack();
  const slow = starting.use(await startCliBench());
  const store = starting.use(await ArchiveServer.start());
  const service = await slow.connect();
  const training = await service.createLoraTrainingClient({ base_model: 'local/random', rank: 4 });
  const { path: sampler } = await training.saveWeightsForSampler({ name: 'one' });
  store.put('/one', checkpointTar(3_000_000));
  const redirect = {
    location: store.signedUrl('/one'),
    expires: new Date(Date.now() + 900_000).toUTCString(),
  };
  slow.server.faults.add({
    route: '/api/v1/training_runs/:run/checkpoints/:kind/:name/archive',
    count: Number.POSITIVE_INFINITY,
    effect: { kind: 'reply', status: 302, headers: redirect },
  });
  const resources = starting.move();
  return { slow, store, sampler, [Symbol.asyncDispose]: () => resources.disposeAsync() };
}

describe('Ctrl-C during a download', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)(
    '%s ends it with 130, keeps what came and names the command that goes on; that fetches only the rest',
    async (signal) => {
      await using bench = await setUpSlow();
      const { slow, store, sampler } = bench;
      store.effects.push({ kind: 'hold', afterBytes: 1_200_000, until: new Promise(() => undefined) });
      const args = ['checkpoint', 'download', sampler, '-o', "out of 'here'"];
      const { child, ended } = slow.start(...args);
      const output = path.join(slow.folder, "out of 'here'");
      const workspace = `${path.basename(folderOf('', sampler))}.download`;
      const file = path.join(output, workspace, 'files', 'adapter_model.safetensors');
      const sizeOfFile = async () => (await stat(file).catch(() => undefined))?.size ?? 0;
      await expect.poll(sizeOfFile, { timeout: 20_000 }).toBeGreaterThan(1_000_000);
      child.kill(signal);
      const { exitCode, stdout, stderr } = await ended;
      expect({ exitCode, stdout }).toEqual({ exitCode: 130, stdout: '' });
      expect(stderr.split('\n').slice(-3)).toEqual([
        'Interrupted.',
        `What came is kept. To go on: tinker-ts checkpoint download ${sampler} -o 'out of '\\''here'\\'''`,
        '',
      ]);
      expect(await readdir(output)).toEqual([workspace]);
      const again = await slow.run(...args);
      expect(again).toMatchObject({ exitCode: 0 });
      expect(again.stdout).toContain('Downloaded to');
      const [first, ...later] = store.requests.map(({ range }) => Number(/\d+/.exec(range ?? '')?.[0]));
      expect(first).toBe(0);
      expect(later.length).toBeGreaterThan(0);
      for (const start of later) expect(start).toBeGreaterThan(1_000_000);
    },
  );

  it('before anything came it leaves nothing', async () => {
    await using slow = await startCliBench({ archivePendingMs: 3_600_000 });
    const service = await slow.connect();
    const training = await service.createLoraTrainingClient({ base_model: 'local/random', rank: 4 });
    const { path: sampler } = await training.saveWeightsForSampler({ name: 'one' });
    const { child, shows, ended } = slow.start('checkpoint', 'download', sampler, '-o', 'out');
    await shows('stderr', /waiting for the archive/);
    child.kill('SIGINT');
    const { exitCode, stdout } = await ended;
    expect({ exitCode, stdout }).toEqual({ exitCode: 130, stdout: '' });
    expect(await readdir(path.join(slow.folder, 'out')).catch(() => [])).toEqual([]);
  });
});
