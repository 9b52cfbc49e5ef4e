import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const venv = fileURLToPath(new URL('../../.venv', import.meta.url));

const packages = ['tinker', 'safetensors', 'jinja2'];

/** A Python that has the official SDK, in a venv that is made when it is missing. Needs python3 with venv and pip. */
export function officialPython(): string {
  const python = path.join(venv, 'bin', 'python');
  if (!existsSync(python)) run('python3', ['-m', 'venv', venv]);
  if (!packages.every((name) => existsPackage(python, name))) {
    run(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...packages]);
  }
  return python;
}

function existsPackage(python: string, name: string): boolean {
  const code = 'import importlib.util, sys; sys.exit(importlib.util.find_spec(sys.argv[1]) is None)';
  return spawnSync(python, ['-c', code, name]).status === 0;
}

function run(command: string, args: string[]): void {
  const { status, error } = spawnSync(command, args, { stdio: 'inherit' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed`, { cause: error });
}
