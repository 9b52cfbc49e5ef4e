import { describe, expect, it } from 'vitest';
import { BillingPause } from '../../../src/client/billing-pause.ts';
import { ProgressWatch } from '../../../src/client/sampling/progress-watch.ts';
import { toApiError } from '../../../src/core/api-errors.ts';
import { ManualClock } from '../../../src/core/clock.ts';
import { ConnectionError } from '../../../src/core/errors.ts';

const hourMs = 60 * 60_000;

describe('billing pause (wire-protocol 11.4)', () => {
  function setUp(maxPauseMs = hourMs) {
    const clock = new ManualClock();
    const told: number[] = [];
    return {
      clock,
      told,
      pause: new BillingPause({ clock, maxPauseMs, onPause: (pausedMs) => told.push(pausedMs) }),
    };
  }

  /** A 402 every five seconds for so long; whether the last one was still to be repeated. */
  function stayUnpaid({ clock, pause }: ReturnType<typeof setUp>, forMs: number): boolean {
    let isRepeated = pause.note();
    for (let passedMs = 0; passedMs < forMs; passedMs += 5000) {
      clock.advance(5000);
      isRepeated = pause.note();
    }
    return isRepeated;
  }

  it('lasts as long as the server lets it, and then a 402 is a failure', () => {
    const scene = setUp();
    expect(stayUnpaid(scene, hourMs)).toBe(true);
    scene.clock.advance(5000);
    expect(scene.pause.note()).toBe(false);
  });

  it('is told when it begins and then once a minute, however many requests it stops', () => {
    const scene = setUp();
    stayUnpaid(scene, 150_000);
    expect(scene.told).toEqual([0, 60_000, 120_000]);
  });

  it('is over after five minutes without a 402: the next one begins another', () => {
    const scene = setUp(60_000);
    stayUnpaid(scene, 60_000);
    scene.clock.advance(300_000);
    expect(scene.pause.note()).toBe(false);
    scene.clock.advance(300_001);
    expect(scene.pause.note()).toBe(true);
    expect(scene.told).toEqual([0, 60_000, 0]);
  });

  it('is no matter of other failures', () => {
    const { pause, told } = setUp();
    expect(pause.pausesFor(toApiError('POST /x', { status: 403 }))).toBe(false);
    expect(pause.pausesFor(new ConnectionError('down'))).toBe(false);
    expect(told).toEqual([]);
    expect(pause.pausesFor(toApiError('POST /x', { status: 402 }))).toBe(true);
  });
});

describe('progress watch (wire-protocol 7.4)', () => {
  function setUp() {
    const clock = new ManualClock();
    const busy = { is: true };
    const stuck: Error[] = [];
    const watch = new ProgressWatch({ clock, isBusy: () => busy.is, onStuck: (error) => stuck.push(error) });
    return { clock, busy, stuck, watch };
  }

  it('fails what is under way when nothing has finished for two hours', () => {
    const { clock, stuck, watch } = setUp();
    watch.noteStart();
    clock.advance(2 * hourMs - 1);
    expect(stuck).toEqual([]);
    clock.advance(1);
    expect(stuck).toEqual([new ConnectionError('No progress made in 7200 s: requests appear to be stuck')]);
  });

  it('begins anew with everything that finishes, and with nothing else', () => {
    const { clock, stuck, watch } = setUp();
    watch.noteStart();
    clock.advance(hourMs);
    watch.noteProgress();
    clock.advance(hourMs);
    watch.noteStart();
    clock.advance(hourMs - 1);
    expect(stuck).toEqual([]);
    clock.advance(1);
    expect(stuck).toHaveLength(1);
  });

  it('starts from nothing after it was idle, and leaves no timer while it is', () => {
    const { clock, busy, stuck, watch } = setUp();
    watch.noteStart();
    busy.is = false;
    watch.noteIdle();
    expect(clock.pendingCount).toBe(0);
    clock.advance(10 * hourMs);
    busy.is = true;
    watch.noteStart();
    clock.advance(2 * hourMs - 1);
    expect(stuck).toEqual([]);
  });

  it('is silent when nothing is under way any more', () => {
    const { clock, busy, stuck, watch } = setUp();
    watch.noteStart();
    busy.is = false;
    clock.advance(2 * hourMs);
    expect([stuck, clock.pendingCount]).toEqual([[], 0]);
  });
});
