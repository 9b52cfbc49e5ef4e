import { setImmediate, setTimeout } from 'node:timers/promises';
import { systemClock, type Clock } from '../../src/core/clock.ts';
import { ManualClock } from '../../src/server/index.ts';

/** Time of a story: the clock that a client gets, and a way to let one of its waits pass. */
export interface StoryTime {
  clock: Clock;
  /** Resolves when a wait of exactly `waitMs` has begun. False when `isOver` says that it will never begin. */
  begun(waitMs: number, isOver?: () => boolean): Promise<boolean>;
  /** The same, and lets it pass. */
  pass(waitMs: number, isOver?: () => boolean): Promise<boolean>;
  /** Lets time pass until the work is over, at most `limitMs`, whatever it waits for. */
  passUntil(work: Promise<unknown>, limitMs?: number): Promise<void>;
}

/** On the real clock a wait is given so long to begin; it is the tests, on the other clock, that are exact. */
const soonMs = 100;

/** Waits really pass. */
export const realTime: StoryTime = {
  clock: systemClock,
  async begun() {
    await setTimeout(soonMs);
    return true;
  },
  async pass(waitMs, isOver) {
    if (isOver?.() === true) return false;
    await setTimeout(waitMs);
    return true;
  },
  async passUntil(work) {
    await Promise.allSettled([work]);
  },
};

const stepMs = 50;

/** Time stands still but for the waits that a story names, so each must be of exactly the length that is named. */
export class SteppedTime implements StoryTime {
  readonly clock = new SteppedClock();

  async begun(waitMs: number, isOver?: () => boolean): Promise<boolean> {
    while (!this.clock.hasBegun(waitMs)) {
      if (isOver?.() === true) return false;
      await setImmediate();
    }
    return true;
  }

  async pass(waitMs: number, isOver?: () => boolean): Promise<boolean> {
    const hasBegun = await this.begun(waitMs, isOver);
    if (hasBegun) this.clock.advance(waitMs);
    return hasBegun;
  }

  async passUntil(work: Promise<unknown>, limitMs = Number.POSITIVE_INFINITY): Promise<void> {
    const progress = { isOver: false };
    const settled = Promise.allSettled([work]).then(() => (progress.isOver = true));
    for (let passedMs = 0; !progress.isOver && passedMs < limitMs; passedMs += stepMs) {
      this.clock.advance(stepMs);
      await setImmediate();
    }
    await settled;
  }
}

/** A manual clock that knows the waits that have just begun on it. */
export class SteppedClock extends ManualClock {
  readonly #timers = new Map<unknown, { dueAt: number; delayMs: number }>();

  override setTimeout(callback: () => void, delayMs: number): unknown {
    const id = super.setTimeout(() => {
      this.#timers.delete(id);
      callback();
    }, delayMs);
    this.#timers.set(id, { dueAt: this.now() + delayMs, delayMs });
    return id;
  }

  override clearTimeout(id: unknown): void {
    this.#timers.delete(id);
    super.clearTimeout(id);
  }

  /** Lengths of the waits that are not over. */
  get waits(): number[] {
    return Array.from(this.#timers.values(), ({ delayMs }) => delayMs);
  }

  hasBegun(waitMs: number): boolean {
    return this.#timers
      .values()
      .some(({ dueAt, delayMs }) => delayMs === waitMs && dueAt === this.now() + waitMs);
  }
}
