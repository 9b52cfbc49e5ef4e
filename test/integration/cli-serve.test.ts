import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { main, parseError, runCli, startCli, type RunningCli } from '../helpers/cli.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'tinker-serve-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Starts a server on a free port; it is killed when the test leaves it running. */
async function serve(...args: string[]): Promise<RunningCli & { url: string }> {
  const running = startCli(['serve', '--port', '0', ...args], { cwd: folder });
  onTestFinished(async () => {
    running.child.kill('SIGKILL');
    await running.ended;
  });
  return { ...running, url: await running.shows('stdout', /ready at (\S+) .*\n/) };
}

function killIfAlive(pid: string | undefined): void {
  try {
    if (pid !== undefined) process.kill(Number(pid), 'SIGKILL');
  } catch {
    // It has ended, as it should.
  }
}

describe('serve', () => {
  it('prints one line with its URL once it answers, and ends cleanly on SIGTERM', async () => {
    const { url, child, ended } = await serve();
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    const health = await fetch(`${url}/api/v1/healthz`);
    expect(await health.json()).toEqual({ status: 'ok' });
    child.kill('SIGTERM');
    expect(await ended).toEqual({
      exitCode: 0,
      stderr: '',
      stdout: `tinker-ts server is ready at ${url} (data in ${path.join(folder, 'tinker-data')})\n`,
    });
  });

  it('ends with the shell of npm, which does not pass SIGTERM on', async () => {
    const program = `"${process.execPath}" "${main}" serve --port 0 & echo "pid $!"; wait`;
    const env = { npm_lifecycle_event: 'serve' };
    const shell = spawn('sh', ['-c', program], { cwd: folder, env, stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    shell.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk;
      if (output.includes('ready at')) shell.kill('SIGTERM');
    });
    onTestFinished(() => killIfAlive(/pid (\d+)/.exec(output)?.[1]));
    // The output ends when the last process that holds it does: the server, not the shell.
    await once(shell.stdout, 'end');
    expect(output).toContain('ready at');
    const again = await serve();
    expect(again.url).toMatch(/^http:/);
  });

  it('ends cleanly on Ctrl-C, and its data folder is free again', async () => {
    const first = await serve('--data-dir', 'kept');
    first.child.kill('SIGINT');
    expect(await first.ended).toMatchObject({ exitCode: 0, stderr: '' });
    const second = await serve('--data-dir', 'kept');
    expect(second.url).toMatch(/^http:/);
  });

  it('serves the other commands', async () => {
    const { url } = await serve();
    const env = { TINKER_BASE_URL: url, TINKER_API_KEY: 'anything' };
    expect(await runCli(['run', 'list', '-f', 'json'], { cwd: folder, env })).toEqual({
      exitCode: 0,
      stderr: '',
      stdout: '{\n  "runs": []\n}\n',
    });
  });

  it('asks for the key of --api-key', async () => {
    const { url } = await serve('--api-key', 'tml-mine');
    const withKey = (key: string) =>
      runCli(['run', 'list'], { cwd: folder, env: { TINKER_BASE_URL: url, TINKER_API_KEY: key } });
    expect(await withKey('tml-mine')).toMatchObject({ exitCode: 0 });
    expect(await withKey('tml-other')).toMatchObject({ exitCode: 3 });
  });

  it('offers a model under the names of --alias, and says what each really is', async () => {
    const { url } = await serve('--alias', 'Qwen/Qwen3-8B=local/random', '--alias', 'a/b=local/stories-1m');
    const response = await fetch(`${url}/api/v1/get_server_capabilities`);
    expect(await response.json()).toMatchObject({
      supported_models: [
        { model_name: 'local/random' },
        { model_name: 'local/stories-1m' },
        { model_name: 'Qwen/Qwen3-8B', alias_of: 'local/random' },
        { model_name: 'a/b', alias_of: 'local/stories-1m' },
      ],
    });
  });

  it('warns of a key that the official SDK would refuse', async () => {
    const { shows } = await serve('--api-key', 'secret');
    expect(await shows('stderr', /^Warning: .*tml-.*\n/)).toContain("'tml-'");
  });

  it('gives its facts as one JSON line with --format json', async () => {
    const { shows, child, ended } = startCli(['serve', '--port', '0', '-f', 'json'], { cwd: folder });
    const line: unknown = JSON.parse(await shows('stdout', /^.*\n/));
    expect(line).toEqual({
      url: expect.stringMatching(/^http:/),
      data_dir: path.join(folder, 'tinker-data'),
    });
    child.kill('SIGTERM');
    await ended;
  });
});

describe('serve refuses, and says what to do', () => {
  it('a port that is in use', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const address = other.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const { exitCode, stdout, stderr } = await runCli(['serve', '--port', String(port)], { cwd: folder });
    other.close();
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
    expect(stderr).toMatch(new RegExp(`^Error: Port ${port} on 127.0.0.1 is in use\\.\n.*--port.*\n$`));
  });

  it('a data folder that another server uses', async () => {
    await serve('--data-dir', 'shared');
    const second = await runCli(['serve', '--port', '0', '--data-dir', 'shared', '-f', 'json'], {
      cwd: folder,
    });
    expect(second).toMatchObject({ exitCode: 1, stdout: '' });
    expect(parseError(second.stderr).message).toMatch(/shared is in use by another server/);
    expect(parseError(second.stderr).hint).toContain('--data-dir');
  });

  it('a data folder that another server uses, for --local too', async () => {
    await serve('--data-dir', 'shared');
    const args = ['run', 'list', '--local', '--local-data-dir', 'shared'];
    const { exitCode, stderr } = await runCli(args, { cwd: folder });
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^Error: .+ is in use by another server.*\n.*--local-data-dir/);
  });

  it('a data folder that cannot be one', async () => {
    await writeFile(path.join(folder, 'file'), '');
    const { exitCode, stderr } = await runCli(['serve', '--port', '0', '--data-dir', 'file/data'], {
      cwd: folder,
    });
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^Error: .*file\/data.*\n.*--data-dir.*\n$/);
  });

  it('an alias that cannot be used', async () => {
    const refused = (alias: string) => runCli(['serve', '--port', '0', '--alias', alias], { cwd: folder });
    const unknown = await refused('Qwen/Qwen3-8B=local/none');
    expect(unknown).toMatchObject({ exitCode: 2, stdout: '' });
    expect(unknown.stderr).toMatch(/^Error: .*there is no model local\/none.*\n.*--alias.*\n$/);
    expect(await refused('Qwen/Qwen3-8B')).toMatchObject({ exitCode: 2, stdout: '' });
  });

  it('a key that no header can carry', async () => {
    const { exitCode, stderr } = await runCli(['serve', '--port', '0', '--api-key', 'tml with spaces'], {
      cwd: folder,
    });
    expect(exitCode).toBe(2);
    expect(stderr).toContain('printable ASCII');
  });
});
