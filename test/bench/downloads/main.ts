// Measures downloads beside curl, aria2c and the official SDK: npm run bench:downloads [-- --only archive,export --rounds 1]
// Needs nginx, curl, aria2c and python3. A whole run writes its tables into docs/performance.md and the README; one with
// `--only` only prints them. `--dir` says where everything is written: 6 GB, gone afterwards.
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { packageVersion } from '../../../src/core/version.ts';
import { officialPython } from '../../python/official-sdk.ts';
import { startProgram } from '../programs.ts';
import { renderGoals } from '../render.ts';
import { writeTables } from '../write-tables.ts';
import { limitedBytesPerSecond, workloads, type MaterialName, type Round } from './catalogue.ts';
import { startFileServer } from './file-server.ts';
import { makeMaterial, type Hashes } from './material.ts';
import { renderDownloads, renderMany, renderSummary } from './render.ts';
import { runSubject } from './subjects.ts';

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    rounds: { type: 'string', default: '5' },
    dir: { type: 'string', default: os.tmpdir() },
  },
});
const roundCount = Number(values.rounds);
const wanted = values.only?.split(',');
const chosen = workloads.filter(({ name }) => wanted === undefined || wanted.includes(name));
const isWhole = wanted === undefined;
const results = chosen.map((workload) => ({ workload, rounds: [] as Round[] }));
const python = officialPython();
execFileSync('npm', ['run', '--silent', 'build'], { stdio: 'inherit' });

await using resources = new AsyncDisposableStack();
for (const end of ['SIGINT', 'SIGTERM'] as const)
  process.once(end, () => void resources.disposeAsync().finally(() => process.exit(1)));
const folder = await mkdtemp(join(values.dir, 'tinker-bench-'));
resources.defer(() => rm(folder, { recursive: true, force: true }));
const root = join(folder, 'served');
const hashes = new Map<MaterialName, Hashes>();
for (const { material } of chosen)
  if (!hashes.has(material)) hashes.set(material, await makeMaterial(root, material));
const files = await startFileServer(join(folder, 'nginx'), root);
resources.defer(() => files.stop());
const relay = await startProgram('./downloads/relay.ts', [files.url, String(limitedBytesPerSecond)]);
resources.defer(() => relay.stop());
const api = await startProgram('./downloads/api-server.ts', [files.url, relay.url]);
resources.defer(() => api.stop());
const around = {
  apiUrl: api.url,
  freeUrl: files.url,
  limitedUrl: relay.url,
  certificatePath: files.certificatePath,
  python,
};

const [loadBefore = 0] = os.loadavg();
const failures: string[] = [];
for (let index = 1; index <= roundCount; index++) {
  for (const { workload, rounds } of results) {
    const round: Round = {};
    for (const subject of workload.subjects) {
      const work = join(folder, `work-${workload.name}-${subject}-${index}`);
      await mkdir(work);
      try {
        const own = { folder: work, hashes: hashes.get(workload.material) ?? new Map<string, string>() };
        round[subject] = await runSubject(workload, subject, around, own);
        console.error(
          `round ${index} ${JSON.stringify({ workload: workload.name, subject, ...round[subject] })}`,
        );
      } catch (error) {
        failures.push(`round ${index}, ${workload.name}: ${String(error)}`);
        console.error(failures.at(-1));
      }
      // Where files were removed a minute ago ext4 is slow to make others, so thousands of them stay to the end.
      if (workload.material !== 'small') await rm(work, { recursive: true });
      // Nobody shall wait for what another has left in the write cache.
      execFileSync('sync');
    }
    rounds.push(round);
  }
}

const conditions = `${new Date().toISOString().slice(0, 10)}: ${[
  `Node ${process.versions.node}`,
  `this SDK ${packageVersion}`,
  `official CLI ${versionOf(python, '-c', 'import tinker; print(tinker.__version__)')}`,
  versionOf('curl', '--version'),
  versionOf('aria2c', '--version'),
  versionOf('tar', '--version'),
  `${os.cpus().length} cores`,
  `a load of ${loadBefore.toFixed(1)} before it began`,
  `medians of ${roundCount} interleaved rounds, in brackets the least and the most`,
].join(', ')}.`;
const text = [conditions, renderDownloads(results), renderMany(results), renderGoals(results)].join('\n\n');
console.log(text);
for (const failure of failures) console.error(failure);
if (isWhole && failures.length === 0) {
  await writeTables('docs/performance.md', 'bench:downloads', text);
  await writeTables('README.md', 'bench:downloads', renderSummary(results));
}
process.exitCode = failures.length === 0 ? 0 : 1;

/** The first words of what a program says of itself. */
function versionOf(command: string, ...args: string[]): string {
  return (execFileSync(command, args, { encoding: 'utf8' }).split('\n')[0] ?? '')
    .replace(/ \(x86.*$/, '')
    .trim();
}
