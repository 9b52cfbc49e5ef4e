import { mkdir, writeFile } from 'node:fs/promises';
import { machines } from './machines.ts';
import { toChart } from './to-chart.ts';

const folder = new URL('../../docs/machines/', import.meta.url);
await mkdir(folder, { recursive: true });
for (const machine of machines) await writeFile(new URL(`${machine.id}.md`, folder), toChart(machine));
console.log(`wrote ${machines.length} charts to docs/machines`);
