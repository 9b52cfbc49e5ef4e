import { afterAll, describe, expect, it } from 'vitest';
import { ManualClock } from '../../src/core/clock.ts';
import { trainingMachine } from '../../src/machines/training.machine.ts';
import type {
  Turn,
  TurnAccepted,
  TurnEnd,
  TurnPaused,
  TurnPlace,
  TurnRefused,
} from '../../src/machines/turn-queue.ts';
import { promisesSettled } from '../helpers/settled.ts';
import { StateVisits } from '../helpers/state-visits.ts';

const visits = new StateVisits(trainingMachine);
const info = { model_id: 'm', model_data: {} };

/** A turn whose steps the test decides. */
class TestTurn implements Turn {
  readonly method: string;
  readonly width: number;
  submission = Promise.withResolvers<TurnAccepted | TurnRefused | TurnPaused>();
  readonly result = Promise.withResolvers<TurnEnd>();
  place: TurnPlace | undefined;
  error: unknown;

  constructor(method: string, width = 1) {
    this.method = method;
    this.width = width;
  }

  submit(place: TurnPlace): Promise<TurnAccepted | TurnRefused | TurnPaused> {
    this.place = place;
    return this.submission.promise;
  }

  retrieve(): Promise<TurnEnd> {
    return this.result.promise;
  }

  fail(error: unknown): void {
    this.error ??= error;
  }

  async accept(): Promise<void> {
    this.submission.resolve({ kind: 'accepted' });
    await promisesSettled();
  }

  /** Answered 402; the next submission is another. */
  async pause(): Promise<void> {
    const { resolve } = this.submission;
    this.submission = Promise.withResolvers();
    resolve({ kind: 'paused' });
    await promisesSettled();
  }

  async refuse(takenCount: number): Promise<void> {
    this.submission.resolve({ kind: 'refused', error: new Error('refused'), takenCount });
    await promisesSettled();
  }

  async complete(): Promise<void> {
    this.result.resolve({ kind: 'completed' });
    await promisesSettled();
  }
}

async function setUp() {
  const clock = new ManualClock();
  const events: string[] = [];
  const ports = { createModel: async () => ({ kind: 'ok', value: { info, nextSeqId: 1 } }) as const };
  const actor = visits.start({ ports }, clock);
  actor.on('*', ({ type, ...rest }) => events.push(`${type} ${'seq_id' in rest ? rest.seq_id : ''}`));
  await promisesSettled();
  const enqueue = (turn: TestTurn): TestTurn => {
    actor.send({ type: 'turn.enqueue', turn });
    return turn;
  };
  return { actor, clock, events, enqueue };
}

describe('training machine', () => {
  it('sends turns in order, each when the one before is accepted, without waiting for its result', async () => {
    const { enqueue, events } = await setUp();
    const first = enqueue(new TestTurn('forwardBackward', 3));
    const second = enqueue(new TestTurn('optimStep'));
    await promisesSettled();
    expect(first.place).toEqual({ model_id: 'm', seq_id: 1 });
    expect(second.place).toBeUndefined();
    await first.accept();
    expect(second.place).toEqual({ model_id: 'm', seq_id: 4 });
    await second.accept();
    await second.complete();
    await first.complete();
    expect(events).toEqual(['turn.submitted 1', 'turn.submitted 4', 'turn.completed 4', 'turn.completed 1']);
  });

  it('goes on after a refused turn, whose sequence ids count as taken', async () => {
    const { enqueue } = await setUp();
    const first = enqueue(new TestTurn('forwardBackward', 2));
    const second = enqueue(new TestTurn('optimStep'));
    await promisesSettled();
    await first.refuse(2);
    expect(first.error).toMatchObject({ message: 'refused' });
    expect(second.place).toMatchObject({ seq_id: 3 });
  });

  it('leaves no gap for a turn that was taken out before it was sent', async () => {
    const { actor, enqueue } = await setUp();
    const first = enqueue(new TestTurn('forward'));
    const removed = enqueue(new TestTurn('forward', 5));
    const last = enqueue(new TestTurn('optimStep'));
    actor.send({ type: 'turn.remove', turn: removed });
    await first.accept();
    expect(removed.place).toBeUndefined();
    expect(last.place).toMatchObject({ seq_id: 2 });
  });

  it('does not take out a turn that is being sent', async () => {
    const { actor, enqueue, events } = await setUp();
    const turn = enqueue(new TestTurn('forward'));
    await promisesSettled();
    actor.send({ type: 'turn.remove', turn });
    await turn.accept();
    expect(events).toEqual(['turn.submitted 1']);
  });

  it('keeps no child for a turn that is over', async () => {
    const { actor, enqueue } = await setUp();
    const turn = enqueue(new TestTurn('forward'));
    await turn.accept();
    expect(Object.keys(actor.getSnapshot().children)).toContain('retrieve-0');
    await turn.complete();
    expect(Object.keys(actor.getSnapshot().children)).toEqual(['leftovers']);
  });

  it('gives a child the name of one that is over, since XState keeps something for each name', async () => {
    const { actor, enqueue } = await setUp();
    for (let round = 0; round < 3; round++) {
      const [first, second] = [enqueue(new TestTurn('forward')), enqueue(new TestTurn('optimStep'))];
      await first.accept();
      await second.accept();
      const names = Object.keys(actor.getSnapshot().children).filter((name) => name.startsWith('retrieve'));
      expect(names.toSorted()).toEqual(['retrieve-0', 'retrieve-1']);
      await second.complete();
      await first.complete();
    }
  });

  it('drains on close: sends what waits, waits for results, takes nothing new', async () => {
    const { actor, enqueue } = await setUp();
    const first = enqueue(new TestTurn('forward'));
    const second = enqueue(new TestTurn('optimStep'));
    actor.send({ type: 'close', deadlineMs: 1000 });
    const late = enqueue(new TestTurn('forward'));
    await first.accept();
    await second.accept();
    await first.complete();
    expect(actor.getSnapshot().status).toBe('active');
    await second.complete();
    expect(actor.getSnapshot().output).toEqual({ status: 'closed' });
    expect(late.place).toBeUndefined();
  });

  it('fails what is left when the deadline of closing passes', async () => {
    const { actor, clock, enqueue } = await setUp();
    const sent = enqueue(new TestTurn('forward'));
    await sent.accept();
    const waiting = enqueue(new TestTurn('optimStep'));
    actor.send({ type: 'close', deadlineMs: 1000 });
    clock.advance(1000);
    expect(actor.getSnapshot().output).toEqual({ status: 'closed' });
    expect(sent.error).toMatchObject({ code: 'client_closed' });
    expect(waiting.error).toMatchObject({ code: 'client_closed' });
  });

  it('fails every turn with the reason when the session is lost', async () => {
    const { actor, enqueue } = await setUp();
    const sent = enqueue(new TestTurn('forward'));
    await sent.accept();
    const waiting = enqueue(new TestTurn('optimStep'));
    const error = new Error('lost');
    actor.send({ type: 'session.lost', error });
    expect(actor.getSnapshot().output).toEqual({ status: 'failed', error });
    expect([sent.error, waiting.error]).toEqual([error, error]);
  });

  it('fails every turn when the actor is stopped from outside', async () => {
    const { actor, enqueue } = await setUp();
    const sent = enqueue(new TestTurn('forward'));
    await sent.accept();
    const waiting = enqueue(new TestTurn('optimStep'));
    actor.stop();
    expect(sent.error).toMatchObject({ code: 'client_closed' });
    expect(waiting.error).toMatchObject({ code: 'client_closed' });
  });

  it('fails every turn when the actor crashes', async () => {
    const { actor, enqueue } = await setUp();
    const sent = enqueue(new TestTurn('forward'));
    await sent.accept();
    const crashing = enqueue(new TestTurn('optimStep'));
    crashing.submission.reject(new Error('bug'));
    await promisesSettled();
    expect(actor.getSnapshot().status).toBe('error');
    expect(sent.error).toMatchObject({ code: 'client_closed' });
    expect(crashing.error).toMatchObject({ code: 'client_closed' });
  });

  it('sends a turn again with the same sequence ids while the server wants billing in order (402)', async () => {
    const { clock, enqueue } = await setUp();
    const turn = enqueue(new TestTurn('forwardBackward', 2));
    const next = enqueue(new TestTurn('optimStep'));
    await turn.pause();
    turn.place = undefined;
    clock.advance(5000);
    await promisesSettled();
    expect(turn.place).toMatchObject({ seq_id: 1 });
    await turn.accept();
    expect(next.place).toMatchObject({ seq_id: 3 });
  });

  it('fails with the error of the server when the model cannot be created', async () => {
    const error = new Error('no such model');
    const actor = visits.start(
      { ports: { createModel: async () => ({ kind: 'failed', error }) } },
      new ManualClock(),
    );
    await promisesSettled();
    expect(actor.getSnapshot().output).toEqual({ status: 'failed', error });
  });

  afterAll(() => expect(visits.missing()).toEqual([]));
});
