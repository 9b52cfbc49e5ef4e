import { mkdir, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseError, runCli, seedRun, startCliBench, type CliBench, type SeededRun } from '../helpers/cli.ts';
import { startHubServer, type HubServer } from '../helpers/hub-server.ts';

let bench: CliBench;
let hub: HubServer;
let run: SeededRun;
let first: string;
let second: string;

beforeAll(async () => {
  bench = await startCliBench();
  hub = await startHubServer();
  await mkdir(temporary());
  run = await seedRun(bench, ['first', 'second']);
  first = run.paths['first'] ?? '';
  second = run.paths['second'] ?? '';
});
afterAll(async () => {
  await hub[Symbol.asyncDispose]();
  await bench[Symbol.asyncDispose]();
});

const temporary = (): string => path.join(bench.folder, 'temporary');

/** With the token of the hub's one user, unless `env` says otherwise. */
function push(args: readonly string[], env: Record<string, string> = { HF_TOKEN: 'hf_test' }) {
  const own = { TINKER_BASE_URL: bench.server.url, TINKER_API_KEY: 'tml-test', HF_ENDPOINT: hub.url };
  const options = { cwd: bench.folder, env: { ...own, TMPDIR: temporary(), ...env } };
  return runCli(['checkpoint', 'push-hf', ...args], options);
}

async function pushJson(...args: string[]): Promise<unknown> {
  const { stdout, stderr, exitCode } = await push([...args, '--format', 'json']);
  if (exitCode !== 0) throw new Error(stderr);
  return JSON.parse(stdout);
}

function fileOf(repo: string, branch: string, name: string): string {
  return hub.repos.get(repo)?.branches.get(branch)?.get(name)?.toString() ?? '';
}

describe('checkpoint push-hf (CMD-11)', () => {
  it('makes a private repository of the run and a branch of the checkpoint, in one commit', async () => {
    const repo = `me/tinker-random-${run.runId.replaceAll(':', '-')}`;
    expect(await pushJson(first)).toEqual({
      checkpoint_path: first,
      repo_id: repo,
      revision: 'weights-first',
      public: false,
      commit_url: `${hub.url}/${repo}/commit/c0ffee`,
    });
    const { visibility, commits } = hub.repos.get(repo) ?? {};
    expect(visibility).toBe('private');
    expect(commits).toEqual([
      {
        branch: 'weights-first',
        title: expect.stringContaining('LoRA adapter'),
        files: ['README.md', 'adapter_config.json', 'adapter_model.safetensors'],
        isPullRequest: false,
      },
    ]);
    expect(JSON.parse(fileOf(repo, 'weights-first', 'adapter_config.json'))).toMatchObject({
      base_model_name_or_path: 'local/random',
    });
    const card = fileOf(repo, 'weights-first', 'README.md');
    for (const line of ['base_model: local/random', 'library_name: peft', `tinker_path: ${first}`])
      expect(card.split('---')[1]?.split('\n')).toContain(line);
    expect(card).toContain('- LoRA rank: 4');
  });

  it('refuses a repository that holds another checkpoint, and takes the same one again', async () => {
    expect(await pushJson(first, '--repo', 'me/mine', '--public')).toMatchObject({ public: true });
    expect(hub.repos.get('me/mine')?.visibility).toBe('public');
    const other = await push([second, '--repo', 'me/mine', '-f', 'json']);
    expect(other).toMatchObject({ exitCode: 1, stdout: '' });
    expect(parseError(other.stderr)).toMatchObject({
      code: 'conflict',
      message: `me/mine holds another Tinker checkpoint: found ${first}, expected ${second}.`,
    });
    await pushJson(first, '-r', 'mine', '--commit-message', 'Once more');
    expect(hub.repos.get('me/mine')?.commits.map(({ title }) => title)).toEqual([
      expect.any(String),
      'Once more',
    ]);
  });

  it('opens a pull request, on a branch that it makes', async () => {
    const json = await pushJson(second, '--repo', 'me/mine', '--revision', 'next', '--create-pr');
    expect(json).toMatchObject({ revision: 'next', pull_request_url: `${hub.url}/me/mine/discussions/1` });
    expect(hub.repos.get('me/mine')?.commits.at(-1)).toMatchObject({ branch: 'next', isPullRequest: true });
  });

  it('uploads what the patterns leave, and writes no model card when told so', async () => {
    const filesOf = async (repo: string, ...args: string[]) => {
      await pushJson(first, '--repo', repo, ...args);
      return hub.repos.get(repo)?.commits.at(-1)?.files;
    };
    expect(await filesOf('me/a', '--no-model-card')).toEqual([
      'adapter_config.json',
      'adapter_model.safetensors',
    ]);
    expect(await filesOf('me/b', '--ignore-pattern', '*.safe*', '--ignore-pattern', 'READ??.md')).toEqual([
      'adapter_config.json',
    ]);
    expect(await filesOf('me/c', '--allow-pattern', '*.json', '--allow-pattern', 'README.md')).toEqual([
      'README.md',
      'adapter_config.json',
    ]);
    expect(await push([first, '--repo', 'me/d', '--allow-pattern', 'nope'])).toMatchObject({ exitCode: 2 });
    expect(hub.repos.has('me/d')).toBe(false);
  });

  it('shows a table, and leaves nothing in the folder of temporary files', async () => {
    const { stdout, stderr, exitCode } = await push([first, '--repo', 'me/shown']);
    expect({ stderr, exitCode }).toEqual({
      stderr: `Downloading ${first}\nUploading 3 files to me/shown\n`,
      exitCode: 0,
    });
    expect(stdout.replaceAll(/\s+/g, ' ')).toContain(`Checkpoint Hub Upload: ${first}`);
    expect(stdout).toMatch(/│ Repo ID +│ me\/shown +│/);
    expect(await readdir(temporary())).toEqual([]);
  });
});

describe('the login of the hub (XCL-10)', () => {
  it('is taken from the first place that has one', async () => {
    const cache = path.join(bench.folder, '.cache', 'huggingface');
    await mkdir(cache, { recursive: true });
    await mkdir(path.join(bench.folder, 'hf'));
    await writeFile(path.join(cache, 'token'), 'hf_test\n');
    await writeFile(path.join(bench.folder, 'hf', 'token'), 'hf_other');
    await writeFile(path.join(bench.folder, 'elsewhere'), 'hf_test');
    const ends = async (env: Record<string, string>) =>
      (await push([first, '--repo', 'me/login'], env)).exitCode;
    expect(await ends({})).toBe(0);
    expect(await ends({ HF_HOME: path.join(bench.folder, 'hf') })).toBe(3);
    expect(await ends({ HF_HOME: 'hf', HF_TOKEN_PATH: 'elsewhere' })).toBe(0);
    expect(await ends({ HUGGING_FACE_HUB_TOKEN: 'hf_test', HF_HOME: 'hf' })).toBe(0);
    expect(await ends({ HF_TOKEN: 'hf_other', HUGGING_FACE_HUB_TOKEN: 'hf_test' })).toBe(3);
  });

  it('is checked before anything is fetched, and never shown', async () => {
    const asked = bench.server.requests.length;
    const wrong = await push([first], { HF_TOKEN: 'hf_secret' });
    expect(wrong).toMatchObject({ exitCode: 3, stdout: '' });
    expect(wrong.stderr).toMatch(/the hub answered 401 \(Invalid username or password\.\)\n.*HF_TOKEN/);
    expect(wrong.stderr).not.toContain('hf_secret');
    const none = await push([first], { HOME: path.join(bench.folder, 'nobody') });
    expect(none).toMatchObject({ exitCode: 3 });
    expect(none.stderr).toMatch(/^Error: Not logged in/);
    expect((await push([first], { HF_TOKEN: 'other' })).exitCode).toBe(3);
    expect(bench.server.requests).toHaveLength(asked);
  });

  it('a hub that is not there is a failure of the network', async () => {
    const gone = await push([first], { HF_TOKEN: 'hf_test', HF_ENDPOINT: 'http://127.0.0.1:9' });
    expect(gone).toMatchObject({ exitCode: 5 });
    expect(gone.stderr).toContain('HF_ENDPOINT');
  });
});

describe('what cannot be pushed', () => {
  it.each([
    ['a path that is none', ['run/weights/1'], 'Invalid checkpoint path: run/weights/1'],
    ['a sampler', ['tinker://run/sampler_weights/a'], 'Sampler checkpoints cannot be pushed'],
    [
      'a repository that is none',
      ['tinker://run/weights/a', '--repo', 'a/b/c'],
      '--repo must look like owner/name',
    ],
  ])('%s is refused before the hub is asked', async (_what, args, message) => {
    const asked = hub.requests.length;
    const { exitCode, stderr } = await push(args);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(message);
    expect(hub.requests).toHaveLength(asked);
  });
});
