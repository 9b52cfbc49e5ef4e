// Writes docs/machines from the machines; with --check it only says which charts are out of date, and ends with 1.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { machines } from './machines.ts';
import { toChart } from './to-chart.ts';

const folder = new URL('../../docs/machines/', import.meta.url);
const check = process.argv.includes('--check');

await mkdir(folder, { recursive: true });
for (const machine of machines) {
  const file = new URL(`${machine.id}.md`, folder);
  const chart = toChart(machine);
  if (!check) {
    await writeFile(file, chart);
  } else if ((await readFile(file, 'utf8').catch(() => '')) !== chart) {
    console.error(`docs/machines/${machine.id}.md is out of date: run \`npm run charts\``);
    process.exitCode = 1;
  }
}
