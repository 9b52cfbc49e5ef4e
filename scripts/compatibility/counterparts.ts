import { readFile } from 'node:fs/promises';

/** One row of docs/from-python.md. */
export interface Counterpart {
  /** The official class and method. */
  group: string;
  name: string;
  python: string;
  /** What ours is, in code and words. */
  ours: string;
  /** The members that it names, by class: `RestClient`, `getSession`. */
  members: { group: string; name: string }[];
}

/** How the page calls an object of each of our classes. */
const classOf: Readonly<Record<string, string>> = {
  service: 'ServiceClient',
  training: 'TrainingClient',
  sampler: 'SamplingClient',
  rest: 'RestClient',
  admin: 'AdminClient',
};

export async function readCounterparts(): Promise<Counterpart[]> {
  const page = await readFile(new URL('../../docs/from-python.md', import.meta.url), 'utf8');
  return page
    .matchAll(/^\| `(\w+)\.(\w+)` \| (.*?) \| (.*) \|$/gm)
    .map(toCounterpart)
    .toArray();
}

function toCounterpart([, group = '', name = '', python = '', ours = '']: RegExpMatchArray): Counterpart {
  const members = ours
    .matchAll(/\b(service|training|sampler|rest|admin)\.(\w+)/g)
    .map(([, object = '', member = '']) => ({ group: classOf[object] ?? '', name: member }))
    .toArray();
  return { group, name, python, ours, members };
}
