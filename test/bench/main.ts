// Measures the client against bare undici and the official Python SDK: npm run bench [-- --only sample,step --rounds 1]
// `leak` is the loop that shows what a long run leaves behind. A whole run writes its tables into docs/performance.md; one
// with `--only` or `--no-official` only prints them.
import { parseArgs } from 'node:util';
import { officialPython } from '../python/official-sdk.ts';
import { workloads, type Round, type Subject } from './catalogue.ts';
import { renderLeaks } from './census.ts';
import { runLeakLoop, runWorkload, startServer, type RunningServer } from './programs.ts';
import { renderConditions, renderGoals, renderMeasurements, type Rounds } from './render.ts';
import { writeTables } from './write-tables.ts';

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    rounds: { type: 'string', default: '5' },
    'no-official': { type: 'boolean', default: false },
  },
});
const roundCount = Number(values.rounds);
const wanted = values.only?.split(',');
const chosen = workloads.filter(({ name }) => wanted === undefined || wanted.includes(name));
const isWhole = wanted === undefined && !values['no-official'];
const python = values['no-official'] ? undefined : officialPython();
const subjects: readonly Subject[] = ['ours', 'undici', 'official'];

const servers = new Map<number, RunningServer>();
for (const { holdMs } of chosen) if (!servers.has(holdMs)) servers.set(holdMs, await startServer(holdMs));
const leakCount = 10_000;
const results: Rounds[] = [];
const leaks: string[] = [];
try {
  const rounds = chosen.map((workload) => ({ workload, rounds: [] as Round[] }));
  for (let index = 1; index <= roundCount; index++) {
    for (const { workload, rounds: done } of rounds) {
      const round: Round = {};
      for (const subject of subjects) {
        const measured = await runWorkload(workload, subject, {
          url: servers.get(workload.holdMs)?.url ?? '',
          python,
        });
        if (measured === undefined) continue;
        round[subject] = measured;
        console.error(`round ${index} ${JSON.stringify({ workload: workload.name, subject, ...measured })}`);
      }
      done.push(round);
    }
  }
  results.push(...rounds);
  if (wanted === undefined || wanted.includes('leak')) {
    const server = servers.get(0) ?? (await startServer(0));
    servers.set(0, server);
    leaks.push(renderLeaks(await runLeakLoop(server.url, leakCount), leakCount));
  }
} finally {
  for (const server of servers.values()) await server.stop();
}

const text = [
  renderConditions(results, roundCount),
  renderMeasurements(results),
  renderGoals(results),
  ...leaks,
].join('\n\n');
console.log(text);
if (isWhole) await writeTables('docs/performance.md', 'bench', text);
