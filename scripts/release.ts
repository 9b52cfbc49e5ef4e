// Makes a release: npm run release -- 0.2.0 [--dry-run]. Checks everything, writes version and date, commits, tags and packs;
// publishing stays by hand. A dry run changes nothing. CONTRIBUTING.md has the policy.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { packageVersion } from '../src/core/version.ts';

const { values, positionals } = parseArgs({
  options: { 'dry-run': { type: 'boolean', default: false } },
  allowPositionals: true,
});
const isDry = values['dry-run'];
const version = positionals[0] ?? packageVersion;
const root = path.join(import.meta.dirname, '..');

process.chdir(root);
try {
  release();
} catch (error) {
  console.error(`No release: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}

function release(): void {
  if (!/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version)) throw new Error(`${version} is no version`);
  const branch = git('branch', '--show-current');
  if (branch !== 'main') complain(`this is ${branch || 'no branch'}, not main`);
  if (git('status', '--porcelain') !== '') complain('there are changes that are not committed');
  if (git('tag', '--list', `v${version}`) !== '') throw new Error(`v${version} exists already`);
  // Worked out before the long checks: what cannot be written needs none.
  const files = changedFiles();

  for (const script of ['test', 'package:check', 'docs:api']) run('npm', 'run', script);

  if (isDry) {
    run('npm', 'pack', '--dry-run');
    console.log(`\nDry run of ${version}: all checks passed, nothing was changed. It would write:`);
    for (const [name, text] of files)
      console.log(`  ${name}: ${changedLines(name, text).join(' | ') || 'nothing new'}`);
    return;
  }
  for (const [name, text] of files) writeFileSync(name, text);
  run('git', 'add', ...files.keys());
  run('git', 'commit', '--message', `Version ${version}`);
  run('git', 'tag', '--annotate', `v${version}`, '--message', `Version ${version}`);
  run('npm', 'pack');
  console.log(
    `\nv${version} is ready. To publish it: git push --follow-tags && npm publish tinker-ts-${version}.tgz`,
  );
}

/** The files that name the version, as they are to be. */
function changedFiles(): Map<string, string> {
  const old = packageVersion.replaceAll('.', '\\.');
  const today = new Date().toISOString().slice(0, 10);
  return new Map([
    [
      'package.json',
      replaceOnce('package.json', new RegExp(`"version": "${old}"`), `"version": "${version}"`),
    ],
    ['package-lock.json', lockFile()],
    ['src/core/version.ts', replaceOnce('src/core/version.ts', new RegExp(`'${old}'`), `'${version}'`)],
    [
      'CHANGELOG.md',
      replaceOnce(
        'CHANGELOG.md',
        new RegExp(`^## ${version.replaceAll('.', '\\.')}, unreleased$`, 'm'),
        `## ${version}, ${today}`,
      ),
    ],
  ]);
}

function replaceOnce(name: string, pattern: RegExp, replacement: string): string {
  const text = readFileSync(name, 'utf8');
  if (!pattern.test(text)) throw new Error(`${name} has no ${pattern.source}`);
  return text.replace(pattern, replacement);
}

function lockFile(): string {
  const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
    version: string;
    packages: Record<string, { version: string }>;
  };
  const own = lock.packages[''];
  if (own === undefined) throw new Error('package-lock.json has no entry for this package');
  lock.version = own.version = version;
  return `${JSON.stringify(lock, null, 2)}\n`;
}

function changedLines(name: string, text: string): string[] {
  const before = new Set(readFileSync(name, 'utf8').split('\n'));
  return text.split('\n').filter((line) => !before.has(line));
}

/** A dry run goes on, so that it can be tried anywhere. */
function complain(what: string): void {
  if (!isDry) throw new Error(what);
  console.error(`A release would stop here: ${what}.`);
}

function git(...args: string[]): string {
  return execFileSync('git', args, { encoding: 'utf8' }).trim();
}

function run(command: string, ...args: string[]): void {
  execFileSync(command, args, { stdio: 'inherit' });
}
