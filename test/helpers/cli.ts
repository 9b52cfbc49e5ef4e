import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { SerializedError } from '../../src/core/serialize-error.ts';
import { startLocalService, type LocalService } from './local-service.ts';
import type { LocalServerOptions } from '../../src/server/index.ts';

export interface CliResult {
  stdout: string;
  stderr: string;
  exitCode: number | null;
}

/** A command line that runs, and its end. */
export interface RunningCli {
  child: ChildProcess;
  /** Resolves once standard output or error has shown `pattern`; rejects when the program ends without. */
  shows: (stream: 'stdout' | 'stderr', pattern: RegExp) => Promise<string>;
  ended: Promise<CliResult>;
}

export interface CliOptions {
  cwd: string;
  /** On top of a bare environment. */
  env?: Record<string, string> | undefined;
  /** What comes on its standard input; nothing by default. */
  input?: string | undefined;
  /** Another Node than the one that runs the tests. */
  node?: string | undefined;
}

/** Spares every process but the first the work of reading the sources. */
const compileCache = path.join(tmpdir(), 'tinker-test-compile-cache');
/** The program's source. */
export const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

/** Starts the real program in a process of its own. */
export function startCli(args: readonly string[], options: CliOptions): RunningCli {
  return startProgram(main, args, options);
}

/** The same for another file, such as the built program. */
export function startProgram(
  file: string,
  args: readonly string[],
  { cwd, env = {}, input, node = process.execPath }: CliOptions,
): RunningCli {
  const child = spawn(node, [file, ...args], {
    cwd,
    env: { PATH: process.env['PATH'], HOME: cwd, NODE_COMPILE_CACHE: compileCache, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  // One that ends without reading it closes the pipe.
  child.stdin.on('error', () => undefined).end(input);
  const seen = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (chunk: string) => {
      seen[name] += chunk;
    });
  }
  const ended = (async () => {
    const [exitCode] = (await once(child, 'close')) as [number | null];
    return { ...seen, exitCode };
  })();
  return {
    child,
    ended,
    async shows(stream, pattern) {
      for (;;) {
        const match = pattern.exec(seen[stream]);
        if (match !== null) return match[1] ?? match[0];
        const more = once(child[stream], 'data').then(() => true);
        if (await Promise.race([more, ended.then(() => false)])) continue;
        if (!pattern.test(seen[stream]))
          throw new Error(`ended without ${pattern}: ${seen.stdout}${seen.stderr}`);
      }
    },
  };
}

/** Runs the program to its end. */
export function runCli(args: readonly string[], options: CliOptions): Promise<CliResult> {
  return startCli(args, options).ended;
}

export interface CliBench extends LocalService {
  run: (...args: string[]) => Promise<CliResult>;
  start: (...args: string[]) => RunningCli;
  /** Runs with `--format json` and parses what comes on standard output. */
  json: (...args: string[]) => Promise<unknown>;
}

/** A local server, and the program run against it in the folder of the test. */
export async function startCliBench(options: Partial<LocalServerOptions> = {}): Promise<CliBench> {
  const service = await startLocalService(options);
  const env = { TINKER_BASE_URL: service.server.url, TINKER_API_KEY: 'tml-test' };
  const start = (...args: string[]) => startCli(args, { cwd: service.folder, env });
  return {
    ...service,
    start,
    run: (...args) => start(...args).ended,
    async json(...args) {
      const { stdout, stderr, exitCode } = await start(...args, '--format', 'json').ended;
      if (exitCode !== 0) throw new Error(`exit code ${exitCode}: ${stderr}`);
      return JSON.parse(stdout);
    },
  };
}

export interface SeededRun {
  runId: string;
  /** Paths by the names of the checkpoints. */
  paths: Record<string, string>;
}

/** Makes a run on `local/random` with these training states, oldest first. */
export async function seedRun(
  bench: LocalService,
  names: readonly string[],
  user_metadata?: Record<string, string>,
): Promise<SeededRun> {
  const service = await bench.connect();
  const training = await service.createLoraTrainingClient({
    base_model: 'local/random',
    rank: 4,
    user_metadata,
  });
  const paths: Record<string, string> = {};
  for (const name of names) paths[name] = (await training.saveState({ name })).path;
  await service.close();
  return { runId: training.info.model_id, paths };
}

export function parseError(stderr: string): SerializedError {
  return JSON.parse(stderr) as SerializedError;
}
