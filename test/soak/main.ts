// Downloads two hundred checkpoints over connections that are cut, from addresses that expire, in a process that is killed three
// times, and looks at every byte in the end: `npm run soak:downloads [-- --count 200 --seed 1]`. Ends with 1 on any violation.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { findSignatures, inspectResult } from './inspect.ts';
import { folderOf, planCheckpoints } from './plan.ts';
import { RoughServer } from './rough-server.ts';

const { values } = parseArgs({
  options: { count: { type: 'string', default: '200' }, seed: { type: 'string', default: '1' } },
});
const checkpoints = planCheckpoints(Number(values.count));
const folders = new Set(checkpoints.map(folderOf));
/** At which share of finished checkpoints the process is killed. */
const kills = [0.15, 0.4, 0.65];
/** A process that is not done by then hangs. */
const longestMs = 300_000;

await using resources = new AsyncDisposableStack();
const outputDir = await mkdtemp(join(tmpdir(), 'tinker-soak-'));
resources.defer(() => rm(outputDir, { recursive: true, force: true }));
const server = resources.use(
  await RoughServer.start({
    checkpoints,
    seed: Number(values.seed),
    cutShare: 0.1,
    earlyExpiryShare: 0.05,
    urlLifetimeMs: 3000,
  }),
);

const startedAt = performance.now();
const violations: string[] = [];
const rows: string[][] = [];
let peakMegabytes = 0;
for (const share of [...kills, undefined]) await runOnce(share);
violations.push(...(await inspectResult(outputDir, checkpoints)));
violations.push(...(await findSignatures(outputDir)));
report();
process.exitCode = violations.length === 0 ? 0 : 1;

/** One life of the downloading process, killed when so many checkpoints are there; the last ends by itself. */
async function runOnce(share: number | undefined): Promise<void> {
  const before = { ...server.counts };
  const script = fileURLToPath(new URL('./downloader.ts', import.meta.url));
  const child = spawn(process.execPath, [script, server.url, outputDir, values.count], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: longestMs,
    killSignal: 'SIGKILL',
  });
  const ended = once(child, 'close');
  let peak = 0;
  let isComplete = false;
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (line.includes('signature=')) violations.push('a signature was printed');
    const told = JSON.parse(line) as { peakMegabytes?: number; failures?: string[] };
    peak = Math.max(peak, told.peakMegabytes ?? 0);
    isComplete ||= told.failures !== undefined;
    violations.push(...(told.failures ?? []));
  });
  createInterface({ input: child.stderr }).on('line', (line) => {
    if (line.includes('signature=')) violations.push('a signature was logged');
  });
  if (share !== undefined) await killWhenDone(child, share * checkpoints.length);
  const [code, signal] = (await ended) as [number | null, string | null];
  if (share === undefined && (code !== 0 || !isComplete))
    violations.push(`the last process ended with ${code ?? signal}`);
  if (share !== undefined && signal !== 'SIGKILL')
    violations.push('a process was done before it could be killed');
  violations.push(...(await findSignatures(outputDir)));
  peakMegabytes = Math.max(peakMegabytes, peak);
  const { requests, cuts, refusedUrls, sentBytes } = server.counts;
  rows.push([
    share === undefined ? 'to the end' : `killed at ${share * 100}%`,
    String(await countDone()),
    String(requests - before.requests),
    String(cuts - before.cuts),
    String(refusedUrls - before.refusedUrls),
    `${((sentBytes - before.sentBytes) / 1e6).toFixed(0)} MB`,
    `${peak.toFixed(0)} MB`,
  ]);
}

async function killWhenDone(child: ChildProcess, count: number): Promise<void> {
  while (child.exitCode === null && child.signalCode === null) {
    if ((await countDone()) >= count) {
      child.kill('SIGKILL');
      return;
    }
    await setTimeout(20);
  }
}

async function countDone(): Promise<number> {
  return (await readdir(outputDir)).filter((name) => folders.has(name)).length;
}

function report(): void {
  const print = (...cells: string[]): void => void process.stdout.write(`| ${cells.join(' | ')} |\n`);
  print('process', 'finished', 'requests', 'cut', 'addresses refused', 'sent', 'peak memory above idle');
  print('---', '---', '---', '---', '---', '---', '---');
  for (const row of rows) print(...row);
  const wholeBytes = checkpoints.reduce((sum, { weightsBytes }) => sum + weightsBytes, 0);
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(0);
  process.stdout.write(
    `\n${checkpoints.length} checkpoints of ${(wholeBytes / 1e6).toFixed(0)} MB in ${seconds} s, seed ${values.seed}; ` +
      `peak memory ${peakMegabytes.toFixed(0)} MB above idle; ${violations.length} violations\n`,
  );
  for (const violation of violations.slice(0, 50)) process.stderr.write(`${violation}\n`);
}
