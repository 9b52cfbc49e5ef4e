import { readFile } from 'node:fs/promises';

/** `refused`: the server says by name that it does not have it. `cannot`: the program itself is not able to. */
export type State = 'pass' | 'refused' | 'cannot' | 'fail';

/** One thing that was tried, by name. */
export interface Result {
  group: string;
  name: string;
  state: State;
  /** Why it is not a pass. The same in every run. */
  note: string;
}

/** What one program was seen to do. */
export interface ProgramResults {
  /** Such as `tinker 0.25.0`. */
  program: string;
  results: readonly Result[];
}

export const resultsFolder: URL = new URL('results/', import.meta.url);

/** The kept results of `test:python`, `test:cookbook` or `test:skyrl`; none before the first run. */
export async function readResults(name: string): Promise<ProgramResults[]> {
  const text = await readFile(new URL(`${name}.json`, resultsFolder), 'utf8').catch(() => '[]');
  return JSON.parse(text) as ProgramResults[];
}

export function findResult(results: readonly Result[], group: string, name: string): Result | undefined {
  return results.find((result) => result.group === group && result.name === name);
}
