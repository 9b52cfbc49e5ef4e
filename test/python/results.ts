import { readFile, writeFile } from 'node:fs/promises';
import Table from 'cli-table3';
import {
  findResult,
  readResults,
  resultsFolder,
  type ProgramResults,
  type Result,
} from '../../scripts/compatibility/results.ts';

/** What Python wrote: a result a line. */
export async function readResultLines(file: string): Promise<Result[]> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Result);
}

/** Prints one table: a row for each thing, a column for each program; rows in the order of the last program. */
export function printResults(programs: readonly ProgramResults[]): void {
  const rows = new Map<string, Result>();
  for (const { results } of programs.toReversed())
    for (const result of results) rows.set(`${result.group} ${result.name}`, result);
  const table = new Table({
    head: ['', '', ...programs.map(({ program }) => program), 'why'],
    style: { head: [], border: [] },
    chars: { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' },
    wordWrap: true,
    colWidths: [null, null, ...programs.map(() => null), 60],
  });
  for (const row of [...rows.values()].sort((one, other) => one.group.localeCompare(other.group))) {
    const found = programs.map(({ results }) => findResult(results, row.group, row.name));
    const notes = new Set(found.map((result) => result?.note ?? '').filter((note) => note !== ''));
    table.push([
      row.group,
      row.name,
      ...found.map((result) => result?.state ?? 'absent'),
      [...notes].join('; '),
    ]);
  }
  process.stdout.write(`${table.toString()}\n`);
}

/**
 * Prints the results and keeps them for the compatibility page, unless something failed or no longer passes: then it says
 * what, keeps the old ones, and the process ends with 1.
 */
export async function concludeResults(name: string, programs: readonly ProgramResults[]): Promise<void> {
  printResults(programs);
  const before = await readResults(name);
  const problems = programs.flatMap(({ program, results }) => {
    const failed = results
      .filter(({ state }) => state === 'fail')
      .map((result) => `${program}: ${result.group} ${result.name} failed: ${result.note}`);
    const known = before.find((other) => other.program === program)?.results ?? [];
    const lost = known
      .filter(({ state }) => state === 'pass')
      .filter(({ group, name }) => !['pass', 'fail'].includes(findResult(results, group, name)?.state ?? ''))
      .map((old) => `${program}: ${old.group} ${old.name} passed before`);
    return [...failed, ...lost];
  });
  for (const problem of problems) process.stderr.write(`${problem}\n`);
  if (problems.length > 0) process.exitCode = 1;
  else await writeFile(new URL(`${name}.json`, resultsFolder), `${JSON.stringify(programs, null, 2)}\n`);
}
