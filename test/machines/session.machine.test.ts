import { createActor, fromCallback } from 'xstate';
import { afterAll, describe, expect, it } from 'vitest';
import { ManualClock } from '../../src/core/clock.ts';
import type { SessionPorts } from '../../src/machines/ports.ts';
import { sessionMachine, type SessionNotice } from '../../src/machines/session.machine.ts';
import { promisesSettled } from '../helpers/settled.ts';
import { StateVisits } from '../helpers/state-visits.ts';

const visits = new StateVisits(sessionMachine);
const success = { status: 'success', detail: null } as const;

function setUp(ports: Partial<SessionPorts> = {}) {
  const clock = new ManualClock();
  const notices: SessionNotice[] = [];
  const finished: string[] = [];
  const actor = visits.start(
    {
      ports: {
        create: async () => ({ kind: 'ok', value: 'session-1' }),
        beat: async () => ({ kind: 'ok' }),
        finish: async (sessionId, ending) => void finished.push(`${sessionId} ${ending.status}`),
        backgroundClock: clock,
        ...ports,
      },
      parent: createActor(
        fromCallback<SessionNotice>(({ receive }) => receive((notice) => notices.push(notice))),
      ).start(),
    },
    clock,
  );
  const passSeconds = async (seconds: number): Promise<void> => {
    for (let passed = 0; passed < seconds; passed += 10) {
      clock.advance(10_000);
      await promisesSettled();
    }
  };
  return { actor, clock, notices, finished, passSeconds };
}

describe('session machine', () => {
  it('tells its id when the server has created it, and finishes it on close', async () => {
    const { actor, notices, finished } = setUp();
    await promisesSettled();
    expect(notices).toEqual([{ type: 'session.ready', session_id: 'session-1' }]);
    actor.send({ type: 'close', ending: { status: 'errored', detail: 'x' } });
    await promisesSettled();
    expect(finished).toEqual(['session-1 errored']);
    expect(actor.getSnapshot().output).toEqual({ status: 'closed' });
  });

  it('beats every ten seconds (CFG-14)', async () => {
    let beats = 0;
    const { passSeconds } = setUp({ beat: async () => (beats++, { kind: 'ok' }) });
    await promisesSettled();
    await passSeconds(50);
    expect(beats).toBe(5);
  });

  it('fails with the error of the server when it cannot be created', async () => {
    const error = new Error('no more sessions');
    const { actor } = setUp({ create: async () => ({ kind: 'failed', error }) });
    await promisesSettled();
    expect(actor.getSnapshot().output).toEqual({ status: 'failed', error });
  });

  it('only warns, once, after two minutes without an answer, and says when the server is back', async () => {
    let reachable = false;
    const { notices, passSeconds } = setUp({
      beat: async () => (reachable ? { kind: 'ok' } : { kind: 'failed', error: new Error('down') }),
    });
    await promisesSettled();
    await passSeconds(110);
    expect(notices).toHaveLength(1);
    await passSeconds(60);
    expect(notices.slice(1)).toEqual([{ type: 'session.degraded', silentMs: 120_000, error: 'down' }]);
    reachable = true;
    await passSeconds(10);
    expect(notices.slice(2)).toEqual([{ type: 'session.recovered', silentMs: 180_000 }]);
  });

  it('is lost when the server says that it is gone', async () => {
    const { actor, passSeconds } = setUp({ beat: async () => ({ kind: 'gone' }) });
    await promisesSettled();
    await passSeconds(10);
    expect(actor.getSnapshot().output).toMatchObject({ status: 'lost', error: { code: 'session_lost' } });
  });

  it('ends at once when it is closed before it exists', async () => {
    const { actor, finished } = setUp({ create: () => new Promise(() => undefined) });
    actor.send({ type: 'close', ending: success });
    expect(actor.getSnapshot().output).toEqual({ status: 'closed' });
    expect(finished).toEqual([]);
  });

  it('does not wait for ever for a server that does not answer the finish', async () => {
    const { actor, clock } = setUp({ finish: () => new Promise(() => undefined) });
    await promisesSettled();
    actor.send({ type: 'close', ending: success });
    clock.advance(5000);
    expect(actor.getSnapshot().output).toEqual({ status: 'closed' });
  });

  it('fails as a bug, and not as a loss, when a port throws', async () => {
    const { actor, passSeconds } = setUp({ beat: () => Promise.reject(new Error('bug')) });
    await promisesSettled();
    await passSeconds(10);
    expect(actor.getSnapshot().output).toMatchObject({ status: 'failed', error: { message: 'bug' } });
  });

  afterAll(() => expect(visits.missing()).toEqual([]));
});
