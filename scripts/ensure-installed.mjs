// Runs before `npm test` and `npm start`, on whatever Node the machine has: installs the dependencies of the
// lock file when they are missing or older than it, then checks that the pinned Node runs.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, lstatSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import path from 'node:path';

const root = fileURLToPath(new URL('..', import.meta.url));
const lockFile = path.join(root, 'package-lock.json');
const marker = path.join(root, 'node_modules', '.package-lock.json');
const requiredMajor = 24;

const folder = path.join(root, 'node_modules');
// npm ci would empty the folder that a link leads to, which may be another checkout's.
const isLinked = existsSync(folder) && lstatSync(folder).isSymbolicLink();

if (!isLinked && (!existsSync(marker) || statSync(marker).mtimeMs < statSync(lockFile).mtimeMs)) {
  console.error('Installing dependencies (npm ci) …');
  const npm = process.env.npm_execpath;
  const [command, args] = npm
    ? [process.execPath, [npm]]
    : [process.platform === 'win32' ? 'npm.cmd' : 'npm', []];
  const { status } = spawnSync(command, [...args, 'ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (status !== 0) process.exit(status ?? 1);
}

const pinned = path.join(root, 'node_modules', '.bin', process.platform === 'win32' ? 'node.cmd' : 'node');
const version = readVersion();
if (Number(version.split('.')[0]) < requiredMajor) {
  console.error(
    `tinker-ts needs Node ${requiredMajor} or newer to run, and found ${version || 'none'}.\n` +
      'The npm package `node` brings the right one: allow its install script (npm approve-scripts node, or remove\n' +
      'ignore-scripts from your npm configuration), delete node_modules and run this command again.',
  );
  process.exit(1);
}

function readVersion() {
  for (const file of [pinned, 'node']) {
    try {
      return execFileSync(file, ['-p', 'process.versions.node'], { encoding: 'utf8' }).trim();
    } catch {
      // Not installed, or its binary was not fetched: try the next.
    }
  }
  return '';
}
