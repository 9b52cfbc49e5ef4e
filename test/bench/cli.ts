// Measures how long the built program takes, beside an empty Node module and the official command line: npm run bench:cli
// [-- --rounds 9 --no-official]. A whole run writes its tables into docs/performance.md; one with other options only prints them.
import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { packageVersion } from '../../src/core/version.ts';
import { serveLocally } from '../python/local-serve.ts';
import { officialProgram } from '../python/official-sdk.ts';
import { packageVersionIn } from '../python/venv.ts';
import { format, median, renderGoals, renderTable } from './render.ts';
import { writeTables } from './write-tables.ts';

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '9' }, 'no-official': { type: 'boolean', default: false } },
});
const roundCount = Number(values.rounds);
const official = values['no-official'] ? undefined : officialProgram();
const program = path.join(import.meta.dirname, '../../dist/cli/main.cjs');

/** Milliseconds from the start of a process to its end, by the name of its command. */
type Round = Record<string, number>;
const ratio =
  (one: string, other: string) =>
  (round: Round): number | undefined => {
    const [mine, theirs] = [round[one], round[other]];
    return mine === undefined || theirs === undefined ? undefined : mine / theirs;
  };

await using server = await serveLocally();
const empty = path.join(server.folder, 'empty.mjs');
await writeFile(empty, '');
const commands: Record<string, readonly string[]> = {
  'an empty module': [process.execPath, empty],
  'tinker-ts version': [process.execPath, program, 'version'],
  'tinker-ts --help': [process.execPath, program, '--help'],
  'tinker-ts run list': [process.execPath, program, 'run', 'list'],
  ...(official === undefined ? {} : { 'official tinker run list': [official, 'run', 'list'] }),
};
const goals = [
  ['tinker-ts version', 'an empty module', 1.3],
  ['tinker-ts --help', 'an empty module', 1.6],
  ['tinker-ts run list', 'official tinker run list', 0.2],
] as const;

/** Python keeps its compiled code, as it does wherever it is installed. */
const env = { ...server.environment, PYTHONDONTWRITEBYTECODE: '' };

// The first round fills the caches, ours and Python's, and does not count.
const rounds = Array.from({ length: roundCount + 1 }, () => measureRound()).slice(1);

const conditions = `${new Date().toISOString().slice(0, 10)}: ${[
  `Node ${process.versions.node}`,
  `tinker-ts ${packageVersion}`,
  ...(official === undefined
    ? []
    : [`official SDK ${packageVersionIn(path.join(path.dirname(official), 'python'), 'tinker')}`]),
  `${os.cpus().length} cores`,
  `medians of ${roundCount} interleaved rounds, in brackets the least and the most`,
].join(', ')}.`;
const times = Object.keys(commands).map((name) => {
  const measured = rounds.map((round) => round[name] ?? Number.NaN);
  const [middle, least, most] = [median(measured), Math.min(...measured), Math.max(...measured)];
  return [name, `${format(middle)} ms (${format(least)} to ${format(most)})`];
});
const judged = goals.map(([one, other, atMost]) => ({
  workload: {
    title: one,
    goals: [{ text: `time / ${other}`, value: ratio(one, other), bound: { atMost } }],
  },
  rounds,
}));
const text = [conditions, renderTable(['Command', 'Time'], times), renderGoals(judged)].join('\n\n');
console.log(text);
if (official !== undefined && roundCount === 9) await writeTables('docs/performance.md', 'bench:cli', text);

function measureRound(): Round {
  const times = Object.entries(commands).map(([name, command]) => [name, timeOf(command)] as const);
  return Object.fromEntries(times);
}

function timeOf([file = '', ...args]: readonly string[]): number {
  const startedAt = performance.now();
  const { status, stderr } = spawnSync(file, args, { env, encoding: 'utf8' });
  const ms = performance.now() - startedAt;
  if (status !== 0) throw new Error(`${file} ${args.join(' ')} ended with ${status}: ${stderr}`);
  return ms;
}
