import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Subject, Workload } from './catalogue.ts';
import type { LeakReport } from './census.ts';
import type { Measurement } from './measure.ts';

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** A running server of the bench; stopping it is the caller's task. */
export interface RunningServer {
  url: string;
  stop(): Promise<void>;
}

export function startServer(holdMs: number): Promise<RunningServer> {
  return startProgram('./server.ts', ['--hold-ms', String(holdMs)]);
}

/** Starts a server that is a program below this folder and prints its URL first. */
export async function startProgram(name: string, args: readonly string[]): Promise<RunningServer> {
  const child = spawn(process.execPath, [here(name), ...args], {
    // The channel breaks when this process is killed, and the server ends with it.
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  const url = await firstLine(child);
  return {
    url,
    async stop() {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
    },
  };
}

/** Runs one workload of one subject in a process of its own. `python` is an interpreter that has the official SDK. */
export async function runWorkload(
  workload: Workload,
  subject: Subject,
  { url, python }: { url: string; python: string | undefined },
): Promise<Measurement | undefined> {
  const { counts, name, program = name } = workload;
  const size = counts[subject];
  if (size === undefined) return undefined;
  const rest = [program, url, String(size.count), String(size.warmUp)];
  switch (subject) {
    case 'ours':
      return parse(await run(process.execPath, [here('./ours.ts'), ...rest]));
    case 'undici':
      return parse(await run(process.execPath, [here('./rivals/bare-undici.ts'), ...rest]));
    case 'official':
      return python === undefined
        ? undefined
        : parse(await run(python, [here('./rivals/official.py'), ...rest]));
  }
}

/** The loop of steps and samples that shows what is left behind. */
export async function runLeakLoop(url: string, count: number): Promise<LeakReport> {
  const line = await run(process.execPath, ['--expose-gc', here('./leak.ts'), url, String(count), '1000']);
  return JSON.parse(line) as LeakReport;
}

/** Runs a program to its end; the last line that it prints. */
async function run(command: string, args: readonly string[]): Promise<string> {
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    // The official SDK's telemetry is work that the other two do not do.
    env: { ...process.env, TINKER_TELEMETRY: '0' },
  });
  let last = '';
  for await (const line of createInterface({ input: child.stdout })) last = line;
  const code = child.exitCode ?? (await once(child, 'exit'))[0];
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${String(code)}`);
  return last;
}

function parse(line: string): Measurement {
  return JSON.parse(line) as Measurement;
}

async function firstLine(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error('the server has no output');
  for await (const line of createInterface({ input: child.stdout })) return line;
  throw new Error('the server ended before it told its URL');
}
