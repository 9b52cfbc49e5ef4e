import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { spawn } from 'node:child_process';
import { startCli } from '../helpers/cli.ts';

export interface ServedFolder extends AsyncDisposable {
  url: string;
  /** A temporary folder; the server's data is in `data` below it. */
  folder: string;
  /** What official programs read to find the server, its tokenizers and a home of their own. */
  environment: NodeJS.ProcessEnv;
}

/** `tinker-ts serve` in a process of its own and a temporary folder. */
export async function serveLocally(...args: string[]): Promise<ServedFolder> {
  await using starting = new AsyncDisposableStack();
  const folder = await mkdtemp(path.join(tmpdir(), 'tinker-proof-'));
  starting.defer(() => rm(folder, { recursive: true, force: true }));
  const running = startCli(['serve', '--port', '0', '--data-dir', 'data', ...args], { cwd: folder });
  starting.defer(async () => {
    running.child.kill('SIGTERM');
    await running.ended;
  });
  const url = await running.shows('stdout', /ready at (\S+) .*\n/);
  const resources = starting.move();
  return {
    url,
    folder,
    environment: officialEnvironment(url, folder),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

/** The environment in which official programs speak to this server alone. */
export function officialEnvironment(url: string, folder: string): NodeJS.ProcessEnv {
  return {
    ...process.env,
    TINKER_BASE_URL: url,
    TINKER_API_KEY: 'tml-local',
    TINKER_TELEMETRY: '1',
    HF_ENDPOINT: url,
    HF_HOME: path.join(folder, 'hub-cache'),
    HOME: folder,
    PYTHONDONTWRITEBYTECODE: '1',
  };
}

/** Runs a Python program of ours; its output is shown. */
export async function runPython(
  python: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<number> {
  const child = spawn(python, args, { stdio: ['ignore', 'inherit', 'inherit'], env });
  const [code] = await once(child, 'exit');
  return typeof code === 'number' ? code : 1;
}
