import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Encrypter, generateIdentity, identityToRecipient } from 'age-encryption';
import { describe, expect, it } from 'vitest';
import { ArchiveServer } from '../helpers/archive-server.ts';
import { checkpointTar, tensorBytes } from '../helpers/archives.ts';
import { startCliBench } from '../helpers/cli.ts';

// Checkpoints whose bytes lie on another server than the API, which the tests have in their hands.

/** As a checkpoint is called in an output folder (1.1 of the architecture). */
const folderNameOf = (tinkerPath: string) => tinkerPath.replace('tinker://', '').replaceAll('/', '_');

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
    const folder = path.join(own.folder, 'out', folderNameOf(exported));
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
      const workspace = `${folderNameOf(sampler)}.download`;
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
