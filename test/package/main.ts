// Tries the packed package as a stranger has it, on Node 24 and the pinned one: npm run package:check. Needs npm's registry.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { packageVersion } from '../../src/core/version.ts';
import { startProgram } from '../helpers/cli.ts';

const root = path.join(import.meta.dirname, '../..');
const folder = mkdtempSync(path.join(tmpdir(), 'tinker-package-'));
const home = path.join(folder, 'home');
const program = path.join(home, 'node_modules/tinker-ts/dist/cli/main.cjs');

try {
  cpSync(path.join(import.meta.dirname, 'consumer'), home, { recursive: true });
  npm(root, 'pack', '--silent', '--pack-destination', folder);
  const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz')) ?? '';
  writeFileSync(path.join(home, 'package.json'), '{ "private": true }');
  npm(home, 'install', '--no-audit', '--no-fund', path.join(folder, tarball));
  tell('installed', `${tarball} in an empty folder`);
  checkTypes();
  // The package node@24 brings a Node 24, by its install script.
  const oldest = path.join(folder, 'oldest');
  mkdirSync(oldest);
  writeFileSync(path.join(oldest, 'package.json'), '{ "private": true, "allowScripts": { "node": true } }');
  npm(oldest, 'install', '--no-audit', '--no-fund', 'node@24');
  for (const node of [path.join(oldest, 'node_modules/node/bin/node'), process.execPath]) await tryOn(node);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function tryOn(node: string): Promise<void> {
  const run = (file: string, env: Record<string, string> = {}): string =>
    execFileSync(node, [file], { cwd: home, env: { ...process.env, ...env }, encoding: 'utf8' }).trim();
  const cli = async (args: string[], env: Record<string, string> = {}): Promise<string> => {
    const { exitCode, stdout, stderr } = await startProgram(program, args, { cwd: home, env, node }).ended;
    if (exitCode !== 0) throw new Error(`tinker-ts ${args.join(' ')} ended with ${exitCode}: ${stderr}`);
    return stdout;
  };
  const version = execFileSync(node, ['--version'], { encoding: 'utf8' }).trim();
  const told = (what: string, result: string): void => tell(version, `${what}: ${result}`);
  told('import', run('imported.mjs'));
  told('require', run('required.cjs'));
  told('version', expectText(await cli(['version']), `tinker-ts ${packageVersion}\n`));
  told('help', expectText(await cli(['--help']), 'Usage: tinker-ts '));

  const data = path.join(folder, `data-${version}`);
  const server = startProgram(program, ['serve', '--port', '0', '--data-dir', data], { cwd: home, node });
  try {
    const url = await server.shows('stdout', /ready at (\S+) .*\n/);
    const env = { TINKER_BASE_URL: url, TINKER_API_KEY: 'tml-local' };
    told('train, save, download', run('trained.mjs', env));
    const listed = JSON.parse(await cli(['run', 'list', '-f', 'json'], env)) as { runs: unknown[] };
    told('run list', `${listed.runs.length} run`);
    const [made] = (
      JSON.parse(await cli(['checkpoint', 'list', '-f', 'json'], env)) as {
        checkpoints: { tinker_path: string }[];
      }
    ).checkpoints;
    const output = path.join(folder, `downloaded-${version}`);
    await cli(['checkpoint', 'download', made?.tinker_path ?? '', '-o', output], env);
    const files = readdirSync(output, { recursive: true, encoding: 'utf8' });
    const weights = files.find((name) => name.endsWith('.safetensors'));
    if (weights === undefined) throw new Error(`the download has only ${files.join(', ')}`);
    told('checkpoint download', path.basename(weights));
  } finally {
    server.child.kill('SIGTERM');
    await server.ended;
  }
}

/** With both compilers, and the package's own declarations checked too. */
function checkTypes(): void {
  for (const compiler of ['typescript', 'typescript7']) {
    const tsc = path.join(root, 'node_modules', compiler, 'bin/tsc');
    const types = ['--types', 'node', '--typeRoots', path.join(root, 'node_modules/@types')];
    execFileSync(process.execPath, [tsc, '-p', home, ...types], { stdio: 'inherit' });
    tell('types', `a consumer compiles with ${compiler}`);
  }
}

function expectText(text: string, part: string): string {
  if (text.includes(part)) return part.trim();
  throw new Error(`expected ${JSON.stringify(part)} in ${JSON.stringify(text)}`);
}

function npm(cwd: string, ...args: string[]): void {
  execFileSync('npm', args, { cwd, stdio: ['ignore', 'inherit', 'inherit'] });
}

function tell(about: string, what: string): void {
  console.log(`${about.padEnd(10)} ${what}`);
}
