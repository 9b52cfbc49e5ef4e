import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DispatchGate, type GateChange } from '../../../src/client/sampling/dispatch-gate.ts';
import { ManualClock } from '../../../src/core/clock.ts';
import { promisesSettled } from '../../helpers/settled.ts';

interface Dispatched {
  end: () => void;
  controller: AbortController;
  outcome: Promise<unknown>;
}

/** A gate whose submissions last until a test ends them. */
class Harness {
  readonly clock = new ManualClock();
  readonly changes: GateChange[] = [];
  readonly gate: DispatchGate;
  /** Names of submissions that were sent, in order. */
  readonly sent: string[] = [];
  readonly underway = new Set<string>();
  mostAtOnce = 0;

  constructor(sizeBytes = 10_000_000) {
    this.gate = new DispatchGate({
      clock: this.clock,
      sizeBytes,
      onChange: (change) => this.changes.push(change),
    });
  }

  dispatch(name: string, { bytes = 10, turnedAway = false } = {}): Dispatched {
    const done = Promise.withResolvers<void>();
    const controller = new AbortController();
    const outcome = this.gate
      .dispatch({ bytes, signal: controller.signal, turnedAway }, () => {
        this.sent.push(name);
        this.underway.add(name);
        this.mostAtOnce = Math.max(this.mostAtOnce, this.underway.size);
        return done.promise;
      })
      .catch((error: unknown) => error)
      .finally(() => this.underway.delete(name));
    return { end: () => done.resolve(), controller, outcome };
  }
}

function many(harness: Harness, count: number, bytes = 10): Dispatched[] {
  return Array.from({ length: count }, (_, index) => harness.dispatch(`${index}`, { bytes }));
}

describe('dispatch gate', () => {
  it('lets 400 submissions out at once, and the next when one has ended (wire-protocol 7.2)', async () => {
    const harness = new Harness();
    const dispatched = many(harness, 402);
    await promisesSettled();
    expect(harness.underway.size).toBe(400);
    dispatched[0]?.end();
    await promisesSettled();
    expect(harness.sent.slice(400)).toEqual(['400']);
  });

  it('stops for the back-off, lets ten out at once for ten seconds more, and then opens again', async () => {
    const harness = new Harness();
    harness.gate.backOff(1000);
    const dispatched = many(harness, 50);
    await promisesSettled();
    expect(harness.sent).toEqual([]);
    harness.clock.advance(1000);
    await promisesSettled();
    expect(harness.underway.size).toBe(10);
    harness.clock.advance(9999);
    dispatched[0]?.end();
    await promisesSettled();
    expect(harness.underway.size).toBe(10);
    harness.clock.advance(1);
    await promisesSettled();
    expect(harness.underway.size).toBe(49);
    expect(harness.changes).toEqual([
      { waitMs: 1000, concurrency: 10 },
      { waitMs: 0, concurrency: 400 },
    ]);
  });

  it('counts every byte twenty times while it is narrow', async () => {
    const harness = new Harness(100);
    harness.gate.backOff(1000);
    harness.clock.advance(1000);
    many(harness, 3, 4);
    await promisesSettled();
    // 4 bytes weigh 80: the second still finds the balance positive, the third does not.
    expect(harness.sent).toEqual(['0', '1']);
    const open = new Harness(100);
    many(open, 30, 4);
    await promisesSettled();
    expect(open.sent).toHaveLength(26);
  });

  it('sends what was turned away before what has not been sent yet', async () => {
    const harness = new Harness();
    harness.gate.backOff(1000);
    harness.dispatch('new');
    harness.dispatch('turned away', { turnedAway: true });
    harness.clock.advance(1000);
    await promisesSettled();
    expect(harness.sent).toEqual(['turned away', 'new']);
  });

  it('waits for the longest of several back-offs, and tells each that is longer', async () => {
    const harness = new Harness();
    harness.gate.backOff(5000);
    harness.gate.backOff(1000);
    harness.clock.advance(1000);
    harness.gate.backOff(5000);
    harness.dispatch('a');
    harness.clock.advance(4999);
    await promisesSettled();
    expect(harness.sent).toEqual([]);
    harness.clock.advance(1);
    await promisesSettled();
    expect(harness.sent).toEqual(['a']);
    expect(harness.changes.map(({ waitMs }) => waitMs)).toEqual([5000, 5000]);
  });

  it('never sends what was given up while it waited', async () => {
    const harness = new Harness();
    harness.gate.backOff(1000);
    const [given, kept] = [harness.dispatch('given up'), harness.dispatch('kept')];
    const reason = new Error('enough');
    given.controller.abort(reason);
    harness.clock.advance(1000);
    await expect(given.outcome).resolves.toBe(reason);
    await promisesSettled();
    expect(harness.sent).toEqual(['kept']);
    kept.end();
    await kept.outcome;
  });

  it('leaves no timer when it is closed', () => {
    const harness = new Harness();
    harness.gate.backOff(1000);
    harness.gate.close();
    expect(harness.clock.pendingCount).toBe(0);
  });

  it('under any sequence sends everything once, none in a back-off, and never more than ten while it is narrow', async () => {
    const step = fc.oneof(
      {
        weight: 4,
        arbitrary: fc.record({
          do: fc.constant('dispatch' as const),
          count: fc.integer({ min: 1, max: 30 }),
        }),
      },
      {
        weight: 2,
        arbitrary: fc.record({ do: fc.constant('end' as const), count: fc.integer({ min: 1, max: 30 }) }),
      },
      {
        weight: 1,
        arbitrary: fc.record({ do: fc.constant('backOff' as const), waitMs: fc.constantFrom(1000, 5000) }),
      },
      {
        weight: 2,
        arbitrary: fc.record({
          do: fc.constant('wait' as const),
          waitMs: fc.integer({ min: 1, max: 12_000 }),
        }),
      },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        const harness = new Harness();
        const { clock, gate, sent, underway } = harness;
        const all: Dispatched[] = [];
        let pausedUntil = Number.NEGATIVE_INFINITY;
        for (const action of steps) {
          const sentBefore = sent.length;
          const underwayBefore = underway.size;
          if (action.do === 'dispatch')
            for (let n = 0; n < action.count; n++) all.push(harness.dispatch(`${all.length}`));
          else if (action.do === 'end')
            for (const name of [...underway].slice(0, action.count)) all[Number(name)]?.end();
          else if (action.do === 'wait') clock.advance(action.waitMs);
          else {
            gate.backOff(action.waitMs);
            pausedUntil = Math.max(pausedUntil, clock.now() + action.waitMs);
          }
          await promisesSettled();
          if (clock.now() < pausedUntil) expect(sent.length).toBe(sentBefore);
          else if (clock.now() < pausedUntil + 10_000)
            expect(underway.size).toBeLessThanOrEqual(Math.max(underwayBefore, 10));
          else expect(underway.size).toBe(Math.min(400, all.length - (sent.length - underway.size)));
        }
        clock.advance(60_000);
        while (sent.length < all.length || underway.size > 0) {
          for (const { end } of all) end();
          await promisesSettled();
        }
        expect(new Set(sent).size).toBe(all.length);
        expect(sent.length).toBe(all.length);
        expect(clock.pendingCount).toBe(0);
      }),
      { numRuns: 60 },
    );
  });
});
