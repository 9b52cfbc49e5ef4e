// The official Python SDK beside ours where it hangs or stalls (wire-protocol 6.1, 6.3, 1.11): `npm run test:python:hangs`.
// Fails when a call of ours hangs; that the official client does is told, not asserted. Needs python3 with venv and pip.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ServiceClient, supervisedDatum, TinkerError, type TrainingClient } from '../../src/index.ts';
import { createLocalServer, type Fault } from '../../src/server/index.ts';
import { officialPython } from './official-sdk.ts';

/** How long a call may take before it counts as hanging. */
const limitMs = 10_000;
/** Starting Python and the SDK, and three bounded waits one after the other. */
const childLimitMs = 90_000;

type Sighting = [call: string, saw: string];

interface HangCase {
  name: string;
  happened: string;
  faults: readonly Fault[];
  ours: (training: TrainingClient) => Promise<Sighting[]>;
}

const data = [supervisedDatum({ tokens: [5, 6, 7, 8, 9] })];
const batch = { data, loss_fn: 'cross_entropy' } as const;
const forwardBackward = '/api/v1/forward_backward';
const forever = Number.POSITIVE_INFINITY;

const cases: readonly HangCase[] = [
  {
    name: 'chunk-fails',
    happened: 'one of the three requests of a forward_backward is refused for good (6.3)',
    faults: [
      {
        route: '/api/v1/client/config',
        effect: { kind: 'reply', status: 200, body: { fwdbwd_max_chunk_len: 1 } },
      },
      {
        route: forwardBackward,
        effect: { kind: 'reply', status: 400, body: { detail: 'refused by a fault' } },
      },
    ],
    ours: async (training) => {
      const call = training.forwardBackward({ ...batch, data: [...data, ...data, ...data] });
      const step = training.optimStep();
      return [
        ['the call', await look(call)],
        ['the optim_step after it', await look(step)],
      ];
    },
  },
  {
    name: 'cancelled-in-line',
    happened: 'a forward_backward is cancelled while it waits for its turn (6.1)',
    faults: [{ route: forwardBackward, effect: { kind: 'delay', delayMs: 2000 } }],
    ours: async (training) => {
      const [first, second, third] = [1, 2, 3].map(() => training.forwardBackward(batch));
      await setTimeout(500);
      second?.cancel();
      return [
        ['the call before it', await look(first)],
        ['the cancelled call', await look(second)],
        ['the call after it', await look(third)],
      ];
    },
  },
  {
    name: 'name-taken',
    happened: 'a save under a name that exists is answered 409 (1.11)',
    faults: [
      {
        route: '/api/v1/save_weights',
        count: forever,
        effect: { kind: 'reply', status: 409, body: { detail: 'the name exists' } },
      },
    ],
    ours: async (training) => {
      const save = training.saveState({ name: 'taken' });
      const forward = training.forward(batch);
      return [
        ['the save', await look(save)],
        ['the forward after it', await look(forward)],
      ];
    },
  },
];

const python = officialPython();
let isHanging = false;
for (const hangCase of cases) {
  const official = await onServer(hangCase, (url) => runOfficial(hangCase.name, url));
  const ours = await onServer(hangCase, (url) => runOurs(hangCase, url));
  process.stdout.write(`\n${hangCase.happened}\n`);
  for (const [whose, sightings] of [
    ['official SDK', official],
    ['tinker-ts', ours],
  ] as const) {
    for (const [call, saw] of sightings)
      process.stdout.write(`  ${whose.padEnd(12)}  ${call.padEnd(24)} saw ${saw}\n`);
  }
  isHanging ||= ours.some(([, saw]) => saw.includes('still waits'));
}
process.exitCode = isHanging ? 1 : 0;

/** A server of its own for each run, since faults are counted. */
async function onServer<Value>({ faults }: HangCase, run: (url: string) => Promise<Value>): Promise<Value> {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'tinker-hangs-'));
  const server = await createLocalServer({ dataDir, faults });
  try {
    return await run(server.url);
  } finally {
    await server.close();
    await rm(dataDir, { recursive: true });
  }
}

async function runOfficial(name: string, url: string): Promise<Sighting[]> {
  const script = fileURLToPath(new URL('hangs.py', import.meta.url));
  const child = spawn(python, [script, name, String(limitMs / 1000)], {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { ...process.env, TINKER_BASE_URL: url, TINKER_API_KEY: 'tml-local', TINKER_TELEMETRY: '0' },
    timeout: childLimitMs,
    killSignal: 'SIGKILL',
  });
  const [output] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  const sightings = output
    .split('\n')
    .filter((line) => line.includes('\t'))
    .map((line): Sighting => {
      const [call = '', saw = ''] = line.split('\t');
      return [call, saw];
    });
  return sightings.length > 0 ? sightings : [['the program', 'no end: it was stopped']];
}

async function runOurs({ ours }: HangCase, url: string): Promise<Sighting[]> {
  const service = await ServiceClient.connect({ baseUrl: url, apiKey: 'tml-local' });
  try {
    return await ours(await service.createLoraTrainingClient({ base_model: 'local/random', rank: 4 }));
  } finally {
    await service.close({ deadlineMs: 1000 });
  }
}

async function look(call: PromiseLike<unknown> | undefined): Promise<string> {
  const began = performance.now();
  const took = (): string => `after ${((performance.now() - began) / 1000).toFixed(1)} s`;
  const limit = new AbortController();
  try {
    const hangs = setTimeout(limitMs, 'hangs', { signal: limit.signal });
    const winner = await Promise.race([Promise.resolve(call), hangs]);
    return winner === 'hangs'
      ? `nothing for ${limitMs / 1000} s, and it still waits`
      : `its result, ${took()}`;
  } catch (error) {
    return TinkerError.isInstance(error) ? `${error.name}: ${error.message}, ${took()}` : String(error);
  } finally {
    limit.abort();
  }
}
