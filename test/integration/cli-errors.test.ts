import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseError, runCli, startCliBench, type CliBench } from '../helpers/cli.ts';

let bench: CliBench;

beforeAll(async () => {
  bench = await startCliBench({ apiKey: 'tml-secret' });
});
afterAll(() => bench[Symbol.asyncDispose]());

/** Runs against the server with its key, or with what `env` says. */
function run(args: string[], env: Record<string, string> = {}) {
  const variables = { TINKER_BASE_URL: bench.server.url, TINKER_API_KEY: 'tml-secret', ...env };
  return runCli(args, { cwd: bench.folder, env: variables });
}

const failures: [
  what: string,
  exitCode: number,
  code: string,
  args: string[],
  env: Record<string, string>,
][] = [
  ['an unknown command', 2, 'invalid_argument', ['nope'], {}],
  ['a path that is none', 2, 'invalid_argument', ['checkpoint', 'info', 'run/weights/1'], {}],
  ['an unknown column', 2, 'invalid_argument', ['run', 'list', '-c', 'id,nope'], {}],
  ['no key', 3, 'missing_api_key', ['run', 'list'], { TINKER_API_KEY: '' }],
  ['a wrong key', 3, 'authentication', ['run', 'list'], { TINKER_API_KEY: 'tml-wrong' }],
  ['an unknown run', 4, 'not_found', ['run', 'info', 'nobody:train:0'], {}],
  ['a server that is not there', 5, 'connection', ['run', 'list'], { TINKER_BASE_URL: 'http://127.0.0.1:9' }],
];

describe('the program tells the shell what went wrong', () => {
  it.each(failures)('%s ends with %d, in two lines', async (_what, exitCode, _code, args, env) => {
    const { stderr, ...rest } = await run(args, env);
    expect(rest).toEqual({ exitCode, stdout: '' });
    expect(stderr).toMatch(/^Error: .+\n.+\n$/);
  });

  it.each(failures)('%s ends with %d and code %s in JSON', async (_what, exitCode, code, args, env) => {
    const { stderr, ...rest } = await run([...args, '-f', 'json'], env);
    expect(rest).toEqual({ exitCode, stdout: '' });
    expect(parseError(stderr)).toMatchObject({ code, message: expect.any(String), hint: expect.any(String) });
  });

  it('a failing server ends with 1 and is named', async () => {
    const headers = { 'x-should-retry': 'false' };
    bench.server.faults.add({
      route: '/api/v1/training_runs',
      effect: { kind: 'reply', status: 500, headers, body: { detail: 'out of memory' } },
    });
    const { exitCode, stderr } = await run(['run', 'list']);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^Error: GET \/api\/v1\/training_runs answered 500: out of memory\n.+\n$/);
  });

  it('a passing failure is tried again, and the person is told', async () => {
    const headers = { 'retry-after-ms': '1' };
    bench.server.faults.add({
      route: '/api/v1/training_runs',
      effect: { kind: 'reply', status: 503, headers, body: { detail: 'restarting' } },
    });
    const { exitCode, stdout, stderr } = await run(['run', 'list']);
    expect(exitCode).toBe(0);
    expect(stdout).toContain('No training runs found');
    expect(stderr).toMatch(/restarting; trying again in 1 s\n$/);
  });

  it('a wrong address is told as such', async () => {
    const { exitCode, stderr } = await run(['run', 'list'], { TINKER_BASE_URL: 'localhost:8080' });
    expect(exitCode).toBe(2);
    expect(stderr).toContain('http or https URL');
  });
});

describe('help and version', () => {
  it('a bare program or group prints its help on standard error and ends with 2 (CLI-3)', async () => {
    for (const args of [[], ['run']]) {
      const { exitCode, stdout, stderr } = await run(args);
      expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
      expect(stderr).toMatch(new RegExp(`^Usage: ${['tinker-ts', ...args].join(' ')} `));
    }
  });

  it('--help prints it on standard output and ends with 0, at every level', async () => {
    for (const args of [['--help'], ['run', 'list', '-h']]) {
      const { exitCode, stdout, stderr } = await run(args);
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
      expect(stdout).toContain('Usage: tinker-ts ');
      expect(stdout).toContain('--format');
    }
  });

  it('version and --version print the version of the package; -f json makes it data (CMD-1)', async () => {
    const { packageVersion: version } = await import('../../src/core/version.ts');
    for (const args of [['version'], ['--version'], ['-V']]) {
      expect(await run(args)).toEqual({ exitCode: 0, stdout: `tinker-ts ${version}\n`, stderr: '' });
    }
    expect(JSON.parse((await run(['version', '-f', 'json'])).stdout)).toEqual({ version });
  });
});
