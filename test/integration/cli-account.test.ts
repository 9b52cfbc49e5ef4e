import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli, seedRun, startCliBench, startCli, type CliBench, type SeededRun } from '../helpers/cli.ts';

let bench: CliBench;
let run: SeededRun;

beforeAll(async () => {
  bench = await startCliBench();
  run = await seedRun(bench, ['one']);
});
afterAll(() => bench[Symbol.asyncDispose]());

const sessionId = (): string => run.runId.split(':')[0] ?? '';

describe('auth (CMD-16 to CMD-19, CFG-20)', () => {
  it('login stores a key that the server knows, for its owner alone; logout forgets it', async () => {
    const options = { cwd: bench.folder, env: { TINKER_BASE_URL: bench.server.url } };
    const login = async () => {
      const program = startCli(['auth', 'login'], { ...options, input: 'tml-pasted\n' });
      return program.ended;
    };
    expect(await runCli(['auth', 'status'], options)).toMatchObject({
      exitCode: 3,
      stdout: 'Credentials available: no\n',
    });
    expect(await login()).toMatchObject({
      exitCode: 0,
      stdout: expect.stringMatching(/^Logged in as .+\n$/),
    });
    const file = path.join(bench.folder, '.tinker', 'credentials.json');
    const stored: unknown = JSON.parse(await readFile(file, 'utf8'));
    expect(stored).toMatchObject({
      version: 1,
      default: '1',
      keys: { 1: { type: 'manual', key: 'tml-pasted' } },
    });
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await runCli(['auth', 'status'], options)).toMatchObject({
      exitCode: 0,
      stdout: 'Credentials available: yes\nTinker accessible: yes\n',
    });
    const again = await login();
    expect(again).toMatchObject({ exitCode: 1, stdout: '' });
    expect(again.stderr).not.toContain('tml-pasted');
    expect(await runCli(['auth', 'logout'], options)).toMatchObject({ exitCode: 0 });
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual({ version: 1, keys: {} });
    expect(await runCli(['auth', 'logout'], options)).toMatchObject({ exitCode: 3 });
  });

  it('whoami says what the server knows of the key where it exchanges no tokens', async () => {
    expect(await bench.json('auth', 'whoami')).toEqual({
      user_urn: null,
      org_urn: null,
      email: 'local@localhost',
    });
  });
});

describe('session (CMD-12)', () => {
  it('lists, finds, shows and moves sessions', async () => {
    expect(await bench.json('session', 'list')).toEqual({ sessions: [sessionId()] });
    expect(await bench.json('session', 'info', sessionId())).toMatchObject({ training_run_ids: [run.runId] });
    expect(await bench.json('session', 'search', '--metadata', 'team=none')).toEqual({ sessions: [] });
    await bench.run('session', 'assign-project', sessionId(), 'evals');
    expect(await bench.json('session', 'search', '--project-id', 'evals')).toMatchObject({
      sessions: [{ session_id: sessionId(), project_id: 'evals' }],
    });
    const wrong = await bench.run('session', 'search', '--metadata', 'team');
    expect(wrong).toMatchObject({ exitCode: 2, stdout: '' });
  });

  it('saves a trace, or only gives its link', async () => {
    const { stdout, stderr, exitCode } = await bench.run('session', 'export-trace', sessionId());
    expect({ stderr, exitCode }).toEqual({
      stderr: `Exporting trace for session ${sessionId()} (this may take a while)...\n`,
      exitCode: 0,
    });
    expect(stdout).toContain(`${sessionId()}.pftrace`);
    const trace: unknown = JSON.parse(
      await readFile(path.join(bench.folder, `${sessionId()}.pftrace`), 'utf8'),
    );
    expect(trace).toHaveProperty('traceEvents');
    const only = await bench.run('session', 'export-trace', sessionId(), '--url-only');
    expect(only.stdout).toMatch(/^http:\/\/127\.0\.0\.1:\S+\n$/);
    const nowhere = await bench.run('session', 'export-trace', sessionId(), '-o', 'no/such/folder');
    expect(nowhere).toMatchObject({ exitCode: 1, stdout: '' });
    expect(nowhere.stderr).toMatch(
      /\nError: Failed to save trace: ENOENT.+\nCheck that you may write to .+\n$/,
    );
  });
});

describe('administration (CMD-13, CMD-14, CMD-15)', () => {
  it('lists models, those whose name contains a text, and says when none does', async () => {
    expect(await bench.json('model', 'list', 'RANDOM')).toEqual({
      models: [{ model_name: 'local/random', max_context_length: 1024, trainable: true, sampleable: true }],
    });
    expect(await bench.run('model', 'list', 'qwen')).toMatchObject({ exitCode: 4 });
  });

  it('shows storage, usage and the audit log', async () => {
    expect(await bench.json('billing', 'checkpoint-storage')).toMatchObject({
      data: [{ checkpoint_count: 1 }],
    });
    // A day may end while this runs.
    const day = Date.parse(new Date().toISOString().slice(0, 10));
    const hours = [day - 86_400_000, day + 172_800_000].map((time) => new Date(time).toISOString());
    expect(await bench.json('billing', 'usage', ...hours)).toMatchObject({
      data: expect.arrayContaining([
        expect.objectContaining({ event_info: { type: 'checkpoint', count: 1 } }),
      ]),
    });
    const csv = await bench.run('billing', 'usage', ...hours, '--csv', '-', '--sessions-csv', 'sessions.csv');
    expect(csv.stdout.split('\r\n')[0]).toMatch(/^bucket_start,bucket_end,.*type/);
    expect(csv.stderr).toBe('Wrote 1 row to sessions.csv\n');
    expect(await readFile(path.join(bench.folder, 'sessions.csv'), 'utf8')).toBe(
      `session_id,user_metadata\r\n${sessionId()},{}\r\n`,
    );
    const { stdout } = await bench.run('audit', '--type', 'checkpoints');
    expect(stdout).toContain('checkpoint_created');
  });

  it('has every field of the official program in JSON, and its truth in tables', async () => {
    const hours = ['2020-01-01T00:00:00Z', '2020-01-01T01:00:00Z'];
    expect(await bench.json('billing', 'usage', ...hours)).toEqual({
      data: [],
      sessions: {},
      cost_data_through: null,
    });
    const none = await bench.run('billing', 'usage', ...hours);
    expect(none).toEqual({ stdout: 'No billing usage in this window\n', stderr: '', exitCode: 0 });
    const hour = Math.floor(Date.now() / 3_600_000) * 3_600_000;
    // An hour may end while this runs.
    const around = [hour - 3_600_000, hour + 7_200_000].map((time) => new Date(time).toISOString());
    expect(await bench.json('billing', 'usage', ...around)).toMatchObject({
      data: expect.arrayContaining([
        expect.objectContaining({
          estimated_cost_usd: null,
          effective_rate_usd_per_million_tokens: null,
          event_info: { type: 'checkpoint', count: 1 },
        }),
      ]),
    });
    const { stdout } = await bench.run('billing', 'usage', ...around);
    expect(stdout).toMatch(/│ storage +│.*│ False │/);
    const nobody = await bench.run('billing', 'checkpoint-storage', '--project-id', 'nobody');
    expect(nobody.stdout).toBe('No active checkpoint storage\n');
  });
});

describe('doctor', () => {
  it('is content with a server that answers, and shows no key', async () => {
    const { stdout, exitCode } = await bench.run('doctor');
    expect(exitCode).toBe(0);
    expect(stdout).toContain('All is well');
    expect(stdout).not.toContain('tml-test');
  });

  it('names what is missing, and ends with 1', async () => {
    const options = { cwd: bench.folder, env: { TINKER_BASE_URL: 'http://127.0.0.1:9' } };
    const { stdout, exitCode } = await runCli(['doctor', '--format', 'json'], options);
    expect(exitCode).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      healthy: false,
      findings: expect.arrayContaining([expect.objectContaining({ name: 'Key', state: 'problem' })]),
    });
  });

  it('never shows what may be a secret in the address', async () => {
    const env = { TINKER_BASE_URL: 'ann:hidden@nowhere', TINKER_API_KEY: 'tml-test' };
    const { stdout, stderr, exitCode } = await runCli(['doctor'], { cwd: bench.folder, env });
    expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: '' });
    expect(stdout).not.toContain('hidden');
  });

  it('names a key that the server refuses', async () => {
    await using other = await startCliBench({ apiKey: 'tml-right' });
    const { stdout, exitCode } = await other.run('doctor');
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/Connection +│ PROBLEM │ .*key/i);
  });

  it('names a clock that is wrong', async () => {
    const date = new Date(Date.now() + 3_600_000).toUTCString();
    const effect = { kind: 'reply', status: 200, headers: { date }, body: { status: 'ok' } } as const;
    bench.server.faults.add({ route: '/api/v1/healthz', effect });
    const { stdout, exitCode } = await bench.run('doctor');
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/Clock +│ PROBLEM │ 3[56]\d\d s behind the server: set the clock of this machine/);
  });
});
