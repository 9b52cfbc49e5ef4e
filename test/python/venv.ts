import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export interface Venv {
  /** Folder below the venvs' folder. */
  name: string;
  /** What pip is asked for. */
  packages: readonly string[];
  /** Such as `3.12`; otherwise the machine's `python3`. */
  version?: string | undefined;
}

/** Where venvs are kept: `TINKER_TS_VENVS`, or `.venvs` in the repository. */
const venvsFolder = process.env['TINKER_TS_VENVS'] || fileURLToPath(new URL('../../.venvs', import.meta.url));

/** A Python that has these packages; its venv is made when it is missing, or was made of other packages. */
export function pythonOf({ name, packages, version }: Venv): string {
  const folder = path.join(venvsFolder, name);
  const python = path.join(folder, 'bin', 'python');
  const mark = path.join(folder, `ready-${packages.join('-').replaceAll(/[^\w.=-]/g, '_')}`);
  if (existsSync(mark)) return python;
  mkdirSync(venvsFolder, { recursive: true });
  if (!existsSync(python)) run(findPython(version), ['-m', 'venv', folder]);
  run(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...packages]);
  writeFileSync(mark, '');
  return python;
}

/** The version of a package as Python sees it. */
export function packageVersionIn(python: string, name: string): string {
  const code = 'import importlib.metadata as m, sys; print(m.version(sys.argv[1]))';
  return spawnSync(python, ['-c', code, name], { encoding: 'utf8' }).stdout.trim();
}

/** Tries the name, uv and pyenv, in this order. */
function findPython(version: string | undefined): string {
  if (version === undefined) return 'python3';
  const uv = spawnSync('uv', ['python', 'find', version], { encoding: 'utf8' });
  const pyenv = spawnSync('pyenv', ['prefix', version], { encoding: 'utf8' });
  const candidates = [
    `python${version}`,
    uv.stdout?.trim(),
    pyenv.stdout && path.join(pyenv.stdout.trim(), 'bin', 'python'),
    path.join(homedir(), '.local', 'bin', `python${version}`),
  ];
  const found = candidates.find(
    (name) => name && spawnSync(name, ['-c', 'import sys, ensurepip']).status === 0,
  );
  if (!found)
    throw new Error(
      `Python ${version} is needed: install it, or let uv or pyenv do so (uv python install ${version})`,
    );
  return found;
}

function run(command: string, args: string[]): void {
  const { status, error } = spawnSync(command, args, { stdio: 'inherit' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed`, { cause: error });
}
