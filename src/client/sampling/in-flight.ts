import type { Clock } from '../../core/clock.ts';
import { linkSignal, orAborted, type DeadlineOptions } from '../../core/deadline.ts';

/** The samples of one client that are under way: counted, so that closing can wait for them, and each can be ended. */
export class InFlight {
  readonly #clock: Clock;
  readonly #controllers = new Set<AbortController>();
  #idle: PromiseWithResolvers<void> | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get count(): number {
    return this.#controllers.size;
  }

  /** Runs one sample with a signal of its own, which follows the caller's. */
  async run<Value>(options: DeadlineOptions, work: (signal: AbortSignal) => Promise<Value>): Promise<Value> {
    const { controller, release } = linkSignal('sample', options, this.#clock);
    const { signal } = controller;
    this.#controllers.add(controller);
    try {
      signal.throwIfAborted();
      // What waits in a queue inside learns of an abort only when its turn comes; the caller learns of it now.
      return await orAborted(work(signal), signal);
    } finally {
      release();
      this.#controllers.delete(controller);
      if (this.#controllers.size === 0) this.#idle?.resolve();
    }
  }

  /** Resolves when nothing is under way. */
  whenIdle(signal: AbortSignal): Promise<void> {
    if (this.#controllers.size === 0) return Promise.resolve();
    this.#idle = Promise.withResolvers();
    return orAborted(this.#idle.promise, signal);
  }

  /** Rejects what is under way with `error`; what comes later is not touched. */
  abort(error: Error): void {
    for (const controller of this.#controllers) controller.abort(error);
  }
}
