import { readdir, readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { machines } from '../../scripts/charts/machines.ts';
import { toChart } from '../../scripts/charts/to-chart.ts';

const charts = new URL('../../docs/machines/', import.meta.url);

describe('charts in docs/machines', () => {
  it.each(machines.map((machine) => [machine.id, machine] as const))('shows the %s machine as it is', async (id, machine) => {
    const written = await readFile(new URL(`${id}.md`, charts), 'utf8');
    expect(written, 'run `npm run charts`').toBe(toChart(machine));
  });

  it('has a chart for every machine of src/machines, and no other', async () => {
    const sources = await readdir(new URL('../../src/machines/', import.meta.url));
    const expected = sources.filter((file) => file.endsWith('.machine.ts')).map((file) => file.replace('.machine.ts', '.md'));
    expect((await readdir(charts)).toSorted()).toEqual(expected.toSorted());
  });
});
