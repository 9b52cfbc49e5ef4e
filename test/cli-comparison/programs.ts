import { spawn } from 'node:child_process';
import { main, type CliResult } from '../helpers/cli.ts';

/** Both programs, run in the same way. */
export interface Programs {
  official: (args: readonly string[]) => Promise<CliResult>;
  ours: (args: readonly string[]) => Promise<CliResult>;
}

/** `env` leads to the server. Both are as wide as their tables ask for, and have nobody to ask. */
export function createPrograms(official: string, env: NodeJS.ProcessEnv, cwd: string): Programs {
  const environment = { ...env, COLUMNS: '400', NO_COLOR: '1' };
  return {
    official: (args) => run(official, args, environment, cwd),
    ours: (args) => run(process.execPath, [main, ...args], environment, cwd),
  };
}

async function run(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  cwd: string,
): Promise<CliResult> {
  const child = spawn(program, args, { env, cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise<number>((resolve, reject) => {
    child.once('error', reject).once('close', (code, signal) => {
      if (code === null) reject(new Error(`${program} ${args.join(' ')} was ended by ${signal}`));
      else resolve(code);
    });
  });
  const [stdout, stderr, exitCode] = await Promise.all([
    child.stdout.setEncoding('utf8').toArray(),
    child.stderr.setEncoding('utf8').toArray(),
    ended,
  ]);
  return { stdout: stdout.join(''), stderr: stderr.join(''), exitCode };
}
