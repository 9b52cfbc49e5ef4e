// Compares what the official `tinker` program and ours print, against one local server: `npm run compare:cli`, or only some
// groups: `npm run compare:cli -- errors`. Ends with 1 where they differ and docs/cli.md does not say why. Needs python3 with venv and pip, or TINKER_TS_OFFICIAL_CLI, the path of the program.
import { mkdtempDisposable } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { systemClock } from '../../src/core/clock.ts';
import { createLocalServer, type LocalServer } from '../../src/server/index.ts';
import { officialEnvironment } from '../python/local-serve.ts';
import { officialProgram } from '../python/official-sdk.ts';
import { concludeResults, printResults } from '../python/results.ts';
import { changeCases, readCases, type Case } from './cases.ts';
import { readDocumented, type Findings } from './differences.ts';
import { errorCases } from './error-cases.ts';
import { createPrograms, type Programs } from './programs.ts';
import { writeReport, type Compared } from './report.ts';
import { seed } from './seed.ts';

await using folder = await mkdtempDisposable(path.join(tmpdir(), 'tinker-comparison-'));
const dataDir = path.join(folder.path, 'data');
const seeded = await seed(dataDir);
// Time stands still on the server, so that usage does not grow between the two programs.
const now = Date.now();
await using server = await createLocalServer({
  dataDir,
  tokenExchange: {},
  clock: { ...systemClock, now: () => now },
});
const programs = createPrograms(officialProgram(), officialEnvironment(server.url, folder.path), folder.path);
const { stdout } = await programs.official(['version']);
const program = stdout.trim();
const documented = await readDocumented();
const compared: Compared[] = [];
const wanted = process.argv.slice(2);
const cases = [...readCases(seeded), ...changeCases(seeded), ...errorCases(seeded)];
for (const one of cases.filter(({ group }) => wanted.length === 0 || wanted.includes(group))) {
  process.stderr.write(`${one.group}: ${one.name}\n`);
  compared.push(await compare(one));
}
const results = [{ program, results: compared.map(({ result }) => result) }];
if (wanted.length === 0) {
  await writeReport(program, compared);
  await concludeResults('cli', results);
} else {
  printResults(results);
  if (compared.some(({ result }) => result.state === 'fail')) process.exitCode = 1;
}

async function compare(one: Case): Promise<Compared> {
  const { official, ours } = await runBoth(one, programs, server);
  const findings: Findings = { reasons: new Set(), problems: [] };
  one.compare(official, ours, findings);
  const unknown = [...findings.reasons].filter((reason) => !documented.has(reason));
  const problems = [...findings.problems, ...unknown.map((name) => `${name} is not in docs/cli.md`)];
  const note = problems.length > 0 ? problems.join('; ') : [...findings.reasons].toSorted().join(', ');
  const state = problems.length > 0 ? 'fail' : 'pass';
  return { one, official, ours, result: { group: one.group, name: one.name, state, note } };
}

/** What only reads is asked by both at once. */
async function runBoth({ group, args, ours = args, fault }: Case, both: Programs, { faults }: LocalServer) {
  if (group === 'JSON' || group === 'tables' || group === 'CSV') {
    const [one, other] = await Promise.all([both.official(args), both.ours(ours)]);
    return { official: one, ours: other };
  }
  const break_ = () => {
    if (fault === undefined) return;
    const headers = { 'x-should-retry': 'false' };
    const body = { detail: 'so it says' };
    faults.add({ route: fault.route, effect: { kind: 'reply', status: fault.status, headers, body } });
  };
  break_();
  const official = await both.official(args);
  break_();
  return { official, ours: await both.ours(ours) };
}
