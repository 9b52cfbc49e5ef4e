import {
  AdminClient,
  ApiError,
  InvalidArgumentError,
  RequestFailedError,
  RestClient,
  SamplingClient,
  ServiceClient,
  TrainingClient,
} from '../../src/index.ts';
import type { Result } from '../../scripts/compatibility/results.ts';
import { methodSteps, scenarioSteps } from './steps.ts';
import type { Stage } from './stage.ts';

const classes = { ServiceClient, TrainingClient, SamplingClient, RestClient, AdminClient };

/** Statuses by which a server says that it does not have something. */
const absentStatuses = new Set([404, 405, 422, 501]);
/** What clients have for their own life, the same on every server. */
const ofEveryClient = new Set(['constructor', 'on', 'once', 'events', 'close', 'create', 'life', 'isOpen']);

/** Every step by name; a public method that no step names is a failure. */
export async function trySteps(stage: Stage, show: (result: Result) => void): Promise<Result[]> {
  const results: Result[] = [];
  const add = (result: Result): void => {
    results.push(result);
    show(result);
  };
  for (const [group, client] of Object.entries(classes)) {
    const steps = methodSteps[group] ?? {};
    // Steps may also try what clients have in common.
    for (const name of [...new Set([...publicMethods(client), ...Object.keys(steps)])].sort()) {
      const step = steps[name] ?? noStep;
      add({ group, name, ...(await judge(() => step(stage))) });
    }
  }
  for (const [name, step] of Object.entries(scenarioSteps))
    add({ group: 'scenario', name, ...(await judge(() => step(stage))) });
  return results;
}

function noStep(): never {
  throw new Error('no step tries this method');
}

/** The class's own methods and getters, in the order of their names; static ones only where they make a client. */
function publicMethods(client: { prototype: object }): string[] {
  const own = Object.getOwnPropertyNames(client.prototype).filter((name) => !ofEveryClient.has(name));
  return [...('connect' in client ? ['connect'] : []), ...own].sort();
}

async function judge(act: () => unknown): Promise<Pick<Result, 'state' | 'note'>> {
  try {
    await act();
    return { state: 'pass', note: '' };
  } catch (error) {
    const note = error instanceof Error ? `${error.name}: ${error.message.split('\n', 1)[0]}` : String(error);
    return { state: isRefusal(error) ? 'refused' : 'fail', note: withoutIds(note) };
  }
}

/** By its status, by a failed operation that says so, or by our client, which knows what this server has switched on. */
function isRefusal(error: unknown): boolean {
  if (error instanceof ApiError) return absentStatuses.has(error.status);
  if (error instanceof RequestFailedError) return /not supported/.test(error.message);
  return (
    error instanceof InvalidArgumentError && /this (?:server|one) (?:runs no|gives none)/.test(error.message)
  );
}

/** Ids differ from run to run. */
function withoutIds(note: string): string {
  return note
    .replaceAll(/[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}|(?:model|session|sampling)_[\da-f]+/g, '<id>')
    .slice(0, 240);
}
