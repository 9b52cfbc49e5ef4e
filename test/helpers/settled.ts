import { setImmediate } from 'node:timers/promises';

/** Lets every promise that can settle without time passing or I/O settle. */
export async function promisesSettled(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await setImmediate();
}
