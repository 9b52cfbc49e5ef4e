import { afterAll, describe, expect, it } from 'vitest';
import { ManualClock } from '../../src/core/clock.ts';
import type { SamplingPorts } from '../../src/machines/ports.ts';
import { restMachine } from '../../src/machines/rest.machine.ts';
import { samplingMachine } from '../../src/machines/sampling.machine.ts';
import { promisesSettled } from '../helpers/settled.ts';
import { StateVisits } from '../helpers/state-visits.ts';

const visits = new StateVisits(samplingMachine);

async function setUp(ports: Partial<SamplingPorts> = {}) {
  const clock = new ManualClock();
  const aborted: Error[] = [];
  const idle = Promise.withResolvers<void>();
  const actor = visits.start(
    {
      ports: {
        createSampler: async () => ({ kind: 'ok', value: { sampling_session_id: 's', base_model: 'm' } }),
        whenIdle: () => idle.promise,
        abort: (error) => aborted.push(error),
        ...ports,
      },
    },
    clock,
  );
  await promisesSettled();
  return { actor, clock, aborted, idle };
}

describe('sampling machine', () => {
  it('is open when the sampler exists, and waits for its samples on close', async () => {
    const { actor, idle } = await setUp();
    expect(actor.getSnapshot().hasTag('accepting')).toBe(true);
    actor.send({ type: 'close', deadlineMs: 1000 });
    expect(actor.getSnapshot().status).toBe('active');
    idle.resolve();
    await promisesSettled();
    expect(actor.getSnapshot().output).toEqual({ status: 'closed' });
  });

  it('fails samples that are left when the deadline of closing passes', async () => {
    const { actor, clock, aborted } = await setUp();
    actor.send({ type: 'close', deadlineMs: 1000 });
    clock.advance(1000);
    expect(actor.getSnapshot().output).toEqual({ status: 'closed' });
    expect(aborted[0]).toMatchObject({ code: 'client_closed' });
  });

  it('fails samples with the reason when the session is lost', async () => {
    const { actor, aborted } = await setUp();
    const error = new Error('lost');
    actor.send({ type: 'session.lost', error });
    expect(aborted[0]).toBe(error);
    expect(actor.getSnapshot().output).toEqual({ status: 'failed', error });
  });

  it('fails samples when the actor is stopped from outside', async () => {
    const { actor, aborted } = await setUp();
    actor.stop();
    expect(aborted[0]).toMatchObject({ code: 'client_closed' });
  });

  it('fails with the error of the server when the sampler cannot be created', async () => {
    const error = new Error('no such path');
    const { actor } = await setUp({ createSampler: async () => ({ kind: 'failed', error }) });
    expect(actor.getSnapshot().output).toEqual({ status: 'failed', error });
  });

  afterAll(() => expect(visits.missing()).toEqual([]));
});

describe('rest machine', () => {
  const restVisits = new StateVisits(restMachine);

  it('outlives a lost session, and ends on close', () => {
    const actor = restVisits.start(undefined, new ManualClock());
    actor.send({ type: 'session.lost', error: new Error('lost') });
    expect(actor.getSnapshot().hasTag('accepting')).toBe(true);
    actor.send({ type: 'close', deadlineMs: 0 });
    expect(actor.getSnapshot().output).toEqual({ status: 'closed' });
    expect(restVisits.missing()).toEqual([]);
  });
});
