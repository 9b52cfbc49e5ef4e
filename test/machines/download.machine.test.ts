import {
  initialTransition,
  transition,
  type AnyStateNode,
  type EventFromLogic,
  type SnapshotFrom,
} from 'xstate';
import { describe, expect, test } from 'vitest';
import { ConnectionError, DownloadError } from '../../src/core/errors.ts';
import type { DownloadPorts } from '../../src/machines/download-ports.ts';
import { downloadStateOf } from '../../src/machines/download-state.ts';
import { downloadMachine } from '../../src/machines/download.machine.ts';

type Snapshot = SnapshotFrom<typeof downloadMachine>;
type MachineEvent = EventFromLogic<typeof downloadMachine>;

const broken = new ConnectionError('it broke');
const damaged = new DownloadError('corrupt_archive', 'it is damaged');
const unsafe = new DownloadError('unsafe_archive', 'it climbs out');

/** Pure transitions call no port. */
const unusedPorts = new Proxy({} as DownloadPorts, {
  get: (_target, name) => () => {
    throw new Error(`the port ${String(name)} was called`);
  },
});

function start(force = false): Snapshot {
  const [snapshot] = initialTransition(downloadMachine, {
    tinkerPath: 'tinker://run/weights/final',
    destination: '/data/run_weights_final',
    force,
    ports: unusedPorts,
    random: () => 0,
    retryLimit: 2,
    pendingLimitMs: 60_000,
  });
  return snapshot;
}

const resolutions: ReadonlyArray<{ kind: string }> = [
  { kind: 'ready', source: { kind: 'archive', url: 'http://a/b?c', expires: '' } } as { kind: string },
  { kind: 'pending' },
  transient(),
  failed(broken),
];

const outcomes: Readonly<Record<string, ReadonlyArray<{ kind: string }>>> = {
  inspect: [
    { kind: 'absent' },
    { kind: 'exists' },
    { kind: 'verified', result: { files: [] } } as { kind: string },
    failed(broken),
  ],
  resolve: resolutions,
  renew: resolutions,
  transfer: [
    { kind: 'placed' },
    { kind: 'packed' },
    { kind: 'corrupt', error: damaged } as { kind: string },
    { kind: 'urlExpired', error: broken, receivedBytes: 0 } as { kind: string },
    { kind: 'stale', error: broken } as { kind: string },
    transient(),
    failed(broken),
  ],
  verify: [
    { kind: 'intact' },
    { kind: 'corrupt', error: damaged } as { kind: string },
    transient(),
    failed(unsafe),
  ],
  extract: [
    { kind: 'extracted' },
    { kind: 'corrupt', error: damaged } as { kind: string },
    transient(),
    failed(unsafe),
  ],
  finalize: [{ kind: 'ok', value: { files: [] } } as { kind: string }, failed(broken)],
  discard: [{ kind: 'ok' }, failed(broken)],
  cleanUp: [{ kind: 'nothing' }],
};

function failed(error: Error): { kind: string; error: Error } {
  return { kind: 'failed', error };
}

function transient(): { kind: string; error: Error } {
  return { kind: 'transient', error: broken };
}

/** Everything that can happen in a state: outcomes and crashes of what runs, its timer, and the events from outside. */
function eventsIn(snapshot: Snapshot): Array<{ label: string; event: MachineEvent }> {
  const found: Array<{ label: string; event: MachineEvent }> = [];
  const add = (label: string, event: object): void =>
    void found.push({ label, event: event as MachineEvent });
  for (const id of Object.keys(snapshot.children)) {
    for (const output of outcomes[id] ?? [])
      add(`${id}: ${output.kind}`, { type: `xstate.done.actor.${id}`, output, actorId: id });
    add(`${id} throws`, { type: `xstate.error.actor.${id}`, error: new TypeError('bug'), actorId: id });
  }
  for (const state of ['pending', 'backingOff']) {
    if (downloadStateOf(snapshot.value) === state)
      add('after wait', { type: `xstate.after.wait.download.active.${state}` });
  }
  add('slot.granted', { type: 'slot.granted', expired: false });
  add('slot.granted, expired', { type: 'slot.granted', expired: true });
  add('cancel', { type: 'cancel', reason: 'enough', keep: false });
  add('pause', { type: 'pause' });
  add('resume', { type: 'resume' });
  return found;
}

interface Explored {
  leaves: Set<string>;
  /** `state -- what happened --> state`. */
  edges: Set<string>;
  /** Nodes from which no end can be reached. */
  stuck: string[];
}

function nodeOf({ value, context }: Snapshot): string {
  const { renewed, refetched, failureCount, pendingMs, force } = context;
  return JSON.stringify([value, renewed, refetched, failureCount, pendingMs, force]);
}

function explore(beginnings: Snapshot[]): Explored {
  const nodes = new Map<string, Snapshot>(beginnings.map((snapshot) => [nodeOf(snapshot), snapshot]));
  const comesFrom = new Map<string, Set<string>>();
  const edges = new Set<string>();
  for (const [node, snapshot] of nodes) {
    for (const { label, event } of snapshot.status === 'active' ? eventsIn(snapshot) : []) {
      const [next] = transition(downloadMachine, snapshot, event);
      const nextNode = nodeOf(next);
      if (nextNode === node) continue;
      if (!nodes.has(nextNode)) nodes.set(nextNode, next);
      comesFrom.set(nextNode, (comesFrom.get(nextNode) ?? new Set()).add(node));
      edges.add(`${downloadStateOf(snapshot.value)} -- ${label} --> ${downloadStateOf(next.value)}`);
    }
  }
  const finishing = [...nodes].filter(([, { status }]) => status === 'done').map(([node]) => node);
  const seen = new Set(finishing);
  for (const node of seen) for (const earlier of comesFrom.get(node) ?? []) seen.add(earlier);
  return {
    leaves: new Set([...nodes.values()].map(({ value }) => downloadStateOf(value))),
    edges,
    stuck: [...nodes.keys()].filter((node) => !seen.has(node)),
  };
}

function leavesOf(node: AnyStateNode): string[] {
  const inner = Object.values<AnyStateNode>(node.states);
  return inner.length === 0 ? [node.key] : inner.flatMap(leavesOf);
}

describe('downloadMachine', () => {
  test('reaches every state it has, and from each of them an end', () => {
    const { leaves, stuck } = explore([start(false), start(true)]);
    const declared = leavesOf(downloadMachine.root).filter((key) => key !== 'judging');
    expect([...leaves].toSorted()).toEqual(declared.toSorted());
    expect(stuck).toEqual([]);
  });

  test('goes these ways and no others', () => {
    const { edges } = explore([start(false), start(true)]);
    const interesting = [...edges].filter((edge) => !/-- (cancel|pause|\w+ throws) -->/.test(edge));
    expect(interesting.toSorted().join('\n')).toMatchInlineSnapshot(`
      "backingOff -- after wait --> resolving
      cancelling -- cleanUp: nothing --> cancelled
      discarding -- discard: failed --> failing
      discarding -- discard: ok --> resolving
      extracting -- extract: corrupt --> discarding
      extracting -- extract: corrupt --> failing
      extracting -- extract: extracted --> verifying
      extracting -- extract: failed --> failing
      extracting -- extract: transient --> backingOff
      extracting -- extract: transient --> failing
      failing -- cleanUp: nothing --> failed
      finalizing -- finalize: failed --> failing
      finalizing -- finalize: ok --> done
      inspecting -- inspect: absent --> resolving
      inspecting -- inspect: exists --> failing
      inspecting -- inspect: exists --> resolving
      inspecting -- inspect: failed --> failing
      inspecting -- inspect: verified --> done
      paused -- resume --> inspecting
      pending -- after wait --> resolving
      queued -- slot.granted --> transferring
      queued -- slot.granted, expired --> renewing
      renewing -- renew: failed --> failing
      renewing -- renew: pending --> pending
      renewing -- renew: ready --> transferring
      renewing -- renew: transient --> backingOff
      renewing -- renew: transient --> failing
      resolving -- resolve: failed --> failing
      resolving -- resolve: pending --> failing
      resolving -- resolve: pending --> pending
      resolving -- resolve: ready --> queued
      resolving -- resolve: transient --> backingOff
      resolving -- resolve: transient --> failing
      transferring -- transfer: corrupt --> discarding
      transferring -- transfer: corrupt --> failing
      transferring -- transfer: failed --> failing
      transferring -- transfer: packed --> extracting
      transferring -- transfer: placed --> verifying
      transferring -- transfer: stale --> discarding
      transferring -- transfer: stale --> failing
      transferring -- transfer: transient --> backingOff
      transferring -- transfer: transient --> failing
      transferring -- transfer: urlExpired --> backingOff
      transferring -- transfer: urlExpired --> failing
      transferring -- transfer: urlExpired --> renewing
      verifying -- verify: corrupt --> discarding
      verifying -- verify: corrupt --> failing
      verifying -- verify: failed --> failing
      verifying -- verify: intact --> finalizing
      verifying -- verify: transient --> backingOff
      verifying -- verify: transient --> failing"
    `);
  });

  test('a cancel leads to cancelling from every active state, and is too late while the target is put in place', () => {
    const { edges } = explore([start(false)]);
    const from = [...edges]
      .filter((edge) => edge.includes('-- cancel -->'))
      .map((edge) => edge.split(' ')[0]);
    expect(new Set(from)).toEqual(
      new Set([
        'backingOff',
        'discarding',
        'extracting',
        'inspecting',
        'paused',
        'pending',
        'queued',
        'renewing',
        'resolving',
        'transferring',
        'verifying',
      ]),
    );
    expect(
      [...edges].filter((edge) => edge.includes('cancel')).every((edge) => /cancelling|cancelled/.test(edge)),
    ).toBe(true);
  });

  test('a pause leads to paused from wherever a cancel would be in time', () => {
    const { edges } = explore([start(false)]);
    const from = (what: string) =>
      new Set([...edges].filter((edge) => edge.includes(`-- ${what} -->`)).map((edge) => edge.split(' ')[0]));
    expect(from('pause').add('paused')).toEqual(from('cancel'));
    expect(
      [...edges].filter((edge) => edge.includes('-- pause -->')).every((edge) => edge.endsWith('paused')),
    ).toBe(true);
  });

  test('a step that throws fails the download as a bug, with what it threw as the cause', () => {
    const { edges } = explore([start(false)]);
    const crashes = [...edges].filter((edge) => edge.includes(' throws '));
    expect(crashes.length).toBeGreaterThan(7);
    for (const edge of crashes) expect(edge).toMatch(/--> (failing|failed|cancelled)$/);
    const bug = { type: 'xstate.error.actor.inspect', error: new TypeError('bug'), actorId: 'inspect' };
    const [snapshot] = transition(downloadMachine, start(), bug as MachineEvent);
    expect(snapshot.context.error).toMatchObject({ code: 'internal', cause: new TypeError('bug') });
  });
});
