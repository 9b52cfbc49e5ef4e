// Runs the training loops of the unmodified official cookbook against the local server: `npm run test:cookbook`. Data and
// reward come from us; the loops, their renderers, tokenizers and checkpoints are the cookbook's. Fails unless the loss falls
// and the reward rises. Needs Python 3.11 or newer with venv and pip.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { runPython, serveLocally } from '../python/local-serve.ts';
import { concludeResults } from '../python/results.ts';
import type { Result } from '../../scripts/compatibility/results.ts';
import { packageVersionIn, pythonOf } from '../python/venv.ts';

/** A name whose renderer the cookbook knows, and which speaks the chat format of our small model. */
const model = 'Qwen/Qwen3-4B-Instruct-2507';

interface Loop {
  name: string;
  script: string;
  log: string;
  metric: string;
  /** What the last values must be, compared with the first. */
  improves: (first: number, last: number) => boolean;
}

const loops: readonly Loop[] = [
  {
    name: 'supervised training loop: the loss falls',
    script: 'supervised.py',
    log: 'supervised',
    metric: 'train_mean_nll',
    improves: (first, last) => last < first / 2,
  },
  {
    name: 'RL training loop, importance_sampling: the reward rises',
    script: 'reinforced.py',
    log: 'reinforced',
    metric: 'env/all/reward/total',
    improves: (first, last) => last > first + 0.2,
  },
];

const python = pythonOf({ name: 'cookbook', packages: ['tinker-cookbook'] });
await using served = await serveLocally('--alias', `${model}=local/stories-1m`);
const results: Result[] = [];
for (const loop of loops) results.push(await runLoop(loop));
const program = `tinker-cookbook ${packageVersionIn(python, 'tinker-cookbook')}`;
await concludeResults('cookbook', [{ program, results }]);

async function runLoop({ name, script, log, metric, improves }: Loop): Promise<Result> {
  const file = fileURLToPath(new URL(script, import.meta.url));
  const code = await runPython(python, [file, model, served.folder], served.environment);
  const result = { group: 'cookbook', name } as const;
  if (code !== 0) return { ...result, state: 'fail', note: `ended with exit code ${code}` };
  const curve = await readCurve(path.join(served.folder, log, 'metrics.jsonl'), metric);
  const [first = Number.NaN, last = Number.NaN] = [curve[0], curve.at(-1)];
  process.stdout.write(`${name}: ${curve.map((value) => value.toFixed(2)).join(' ')}\n`);
  return improves(first, last)
    ? { ...result, state: 'pass', note: '' }
    : { ...result, state: 'fail', note: `${metric} went from ${first} to ${last}` };
}

/** One metric over the steps of a run, from the cookbook's own log. */
async function readCurve(file: string, metric: string): Promise<number[]> {
  const lines = (await readFile(file, 'utf8')).trim().split('\n');
  return lines
    .map((line) => (JSON.parse(line) as Record<string, unknown>)[metric])
    .filter((value) => typeof value === 'number');
}
