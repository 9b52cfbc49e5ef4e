import { afterAll, describe, expect, it } from 'vitest';
import { ManualClock } from '../../src/core/clock.ts';
import type { ServicePorts } from '../../src/machines/ports.ts';
import type { ClientRequest } from '../../src/machines/client-request.ts';
import { serviceMachine } from '../../src/machines/service.machine.ts';
import { spawnClient } from '../../src/machines/spawn-client.ts';
import { clientConfigSchema, dynamicConfigSchema } from '../../src/types/service.ts';
import { promisesSettled } from '../helpers/settled.ts';
import { StateVisits } from '../helpers/state-visits.ts';

const visits = new StateVisits(serviceMachine);
const never = new Promise<never>(() => undefined);
const config = { config: clientConfigSchema.parse({}), dynamicConfig: dynamicConfigSchema.parse({}) };
const closing = { type: 'close', deadlineMs: 5000, ending: { status: 'success', detail: null } } as const;

async function setUp(ports: Partial<ServicePorts> = {}) {
  const clock = new ManualClock();
  const events: string[] = [];
  const finished: string[] = [];
  const actor = visits.start(
    {
      ports: {
        loadConfig: async () => ({ kind: 'ok', value: config }),
        refreshConfig: () => never,
        create: async () => ({ kind: 'ok', value: 'session-1' }),
        beat: async () => ({ kind: 'ok' }),
        finish: async (sessionId) => void finished.push(sessionId),
        backgroundClock: clock,
        ...ports,
      },
    },
    clock,
  );
  actor.on('*', ({ type, ...rest }) => events.push([type, ...Object.values(rest)].join(' ')));
  await promisesSettled();
  return { actor, clock, events, finished };
}

function trainingRequest(id: string, failure?: Error): Extract<ClientRequest, { kind: 'training' }> {
  return {
    kind: 'training',
    id,
    toPorts: (sessionId) => ({
      createModel: async () =>
        failure === undefined
          ? {
              kind: 'ok',
              value: { info: { model_id: `${sessionId}:train:0`, model_data: {} }, nextSeqId: 1 },
            }
          : { kind: 'failed', error: failure },
    }),
  };
}

describe('service machine', () => {
  it('makes a session for the first training client and not for a REST client (CFG-1)', async () => {
    const { actor, events } = await setUp();
    await spawnClient(actor, { kind: 'rest', id: 'rest-1' }, undefined);
    expect(events).toEqual(['status.changed open', 'client.created rest rest-1']);
    const training = await spawnClient(actor, trainingRequest('training-1'), undefined);
    expect(training.getSnapshot().context.info?.model_id).toBe('session-1:train:0');
    expect(events.slice(2)).toEqual(['session.started session-1', 'client.created training training-1']);
  });

  it('makes one session for clients that are asked for at the same time', async () => {
    let sessions = 0;
    const { actor } = await setUp({ create: async () => (sessions++, { kind: 'ok', value: 'session-1' }) });
    await Promise.all(['a', 'b', 'c'].map((id) => spawnClient(actor, trainingRequest(id), undefined)));
    await spawnClient(actor, trainingRequest('d'), undefined);
    expect(sessions).toBe(1);
  });

  it('rejects a creation with the error of the session, and tries again for the next', async () => {
    const outcomes = [
      { kind: 'failed', error: new Error('busy') } as const,
      { kind: 'ok', value: 's' } as const,
    ];
    const { actor } = await setUp({ create: async () => outcomes.shift() ?? { kind: 'ok', value: 's' } });
    await expect(spawnClient(actor, trainingRequest('a'), undefined)).rejects.toThrow('busy');
    await expect(spawnClient(actor, trainingRequest('b'), undefined)).resolves.toBeDefined();
  });

  it('rejects a creation with the error of the client, and forgets it', async () => {
    const { actor, events } = await setUp();
    await expect(
      spawnClient(actor, trainingRequest('a', new Error('no such model')), undefined),
    ).rejects.toThrow('no such model');
    await promisesSettled();
    expect(Object.keys(actor.getSnapshot().children)).toEqual(['refresh', 'session']);
    expect(events).toContain('client.closed training a');
  });

  it('takes a creation back when its signal aborts before the session is there', async () => {
    const session = Promise.withResolvers<{ kind: 'ok'; value: string }>();
    const { actor } = await setUp({ create: () => session.promise });
    const controller = new AbortController();
    const creation = spawnClient(actor, trainingRequest('a'), controller.signal);
    controller.abort(new Error('changed my mind'));
    await expect(creation).rejects.toThrow('changed my mind');
    session.resolve({ kind: 'ok', value: 's' });
    await promisesSettled();
    expect(Object.keys(actor.getSnapshot().children)).toEqual(['refresh', 'session']);
  });

  it('loses only the client that crashes', async () => {
    const { actor, events } = await setUp();
    const training = await spawnClient(actor, trainingRequest('a'), undefined);
    const other = await spawnClient(actor, trainingRequest('b'), undefined);
    const bug = new Error('bug');
    training.send({
      type: 'turn.enqueue',
      turn: {
        method: 'forward',
        width: 1,
        submit: () => Promise.reject(bug),
        retrieve: () => never,
        fail: () => undefined,
      },
    });
    await promisesSettled();
    expect(events).toContain('client.crashed training a Error: bug');
    expect(actor.getSnapshot().status).toBe('active');
    expect(other.getSnapshot().hasTag('accepting')).toBe(true);
  });

  it('closes clients, then finishes the session, then ends', async () => {
    const { actor, events, finished } = await setUp();
    await spawnClient(actor, trainingRequest('a'), undefined);
    actor.send(closing);
    await promisesSettled();
    expect(finished).toEqual(['session-1']);
    expect(actor.getSnapshot().output).toEqual({ status: 'closed' });
    expect(events.slice(-3)).toEqual([
      'status.changed draining',
      'client.closed training a',
      'status.changed closed',
    ]);
    await expect(spawnClient(actor, trainingRequest('b'), undefined)).rejects.toMatchObject({
      code: 'client_closed',
    });
  });

  it('ends although a client does not, when the limit of draining passes', async () => {
    const { actor, clock } = await setUp();
    const request = {
      kind: 'sampling',
      id: 's',
      toPorts: () => ({
        createSampler: async () =>
          ({ kind: 'ok', value: { sampling_session_id: 'x', base_model: null } }) as const,
        whenIdle: () => never,
        abort: () => undefined,
      }),
    } as const;
    await spawnClient(actor, request, undefined);
    actor.send({ ...closing, deadlineMs: 100 });
    clock.advance(2000);
    await promisesSettled();
    expect(actor.getSnapshot().output).toEqual({ status: 'closed' });
  });

  it('ends at once when it is closed before the server has answered', async () => {
    const { actor } = await setUp({ loadConfig: () => never });
    actor.send(closing);
    expect(actor.getSnapshot().output).toEqual({ status: 'closed' });
  });

  it('asks for the flags that may change in the rhythm they say themselves, while it is open (CFG-12)', async () => {
    const answers = [
      { kind: 'failed', error: new Error('out for a moment') } as const,
      {
        kind: 'ok',
        value: { ...config.dynamicConfig, refresh_interval_sec: 1, sample_cancel_enabled: true },
      } as const,
    ];
    let asked = 0;
    const { actor, clock } = await setUp({ refreshConfig: async () => (asked++, answers.shift() ?? never) });
    const current = () => actor.getSnapshot().context.config?.dynamicConfig;
    const pass = async (milliseconds: number) => {
      clock.advance(milliseconds);
      await promisesSettled();
    };
    await pass(299_999);
    expect(asked).toBe(0);
    await pass(1);
    expect([asked, current()]).toEqual([1, config.dynamicConfig]);
    await pass(300_000);
    expect([asked, current()?.sample_cancel_enabled]).toEqual([2, true]);
    await pass(9999);
    expect(asked).toBe(2);
    await pass(1);
    expect(asked).toBe(3);
    actor.send(closing);
    expect(actor.getSnapshot().output).toEqual({ status: 'closed' });
    expect(clock.pendingCount).toBe(0);
  });

  it('fails with the error of the server when it cannot be configured', async () => {
    const error = new Error('401');
    const { actor } = await setUp({ loadConfig: async () => ({ kind: 'failed', error }) });
    expect(actor.getSnapshot().output).toEqual({ status: 'failed', error });
  });

  it('tells its clients when the session is lost, and ends with that error', async () => {
    const { actor, clock, events } = await setUp({ beat: async () => ({ kind: 'gone' }) });
    const training = await spawnClient(actor, trainingRequest('a'), undefined);
    clock.advance(10_000);
    await promisesSettled();
    expect(training.getSnapshot().output).toMatchObject({
      status: 'failed',
      error: { code: 'session_lost' },
    });
    expect(actor.getSnapshot().output).toMatchObject({ status: 'failed', error: { code: 'session_lost' } });
    expect(events.some((event) => event.startsWith('session.lost'))).toBe(true);
  });

  afterAll(() => expect(visits.missing()).toEqual([]));
});
