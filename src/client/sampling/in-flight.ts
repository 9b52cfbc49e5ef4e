import type { Clock } from '../../core/clock.ts';
import { orAborted, type DeadlineOptions } from '../../core/deadline.ts';
import { TimeoutError } from '../../core/errors.ts';

/** One sample that is under way. */
interface Sample {
  abort(reason: unknown): void;
}

/** The samples of one client that are under way: counted, so that closing can wait for them, and each can be ended. */
export class InFlight {
  readonly #clock: Clock;
  readonly #samples = new Set<Sample>();
  #idle: PromiseWithResolvers<void> | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get count(): number {
    return this.#samples.size;
  }

  /**
   * Runs one sample with a signal of its own, which follows the caller's and its deadline. What waits in a queue inside
   * learns of an abort only when its turn comes; the caller learns of it at once.
   */
  run<Value>(
    { signal, timeoutMs }: DeadlineOptions,
    work: (signal: AbortSignal) => Promise<Value>,
  ): Promise<Value> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      const controller = new AbortController();
      const sample: Sample = {
        abort: (reason) => {
          reject(reason);
          controller.abort(reason);
          // Its caller has been told: nobody waits for what is left of it.
          finish();
        },
      };
      const onAbort = signal === undefined ? undefined : (): void => sample.abort(signal.reason);
      if (onAbort !== undefined) signal?.addEventListener('abort', onAbort);
      const timer =
        timeoutMs === undefined
          ? undefined
          : this.#clock.setTimeout(
              () => sample.abort(new TimeoutError(`sample did not finish within ${timeoutMs} ms`)),
              timeoutMs,
            );
      const finish = (): void => {
        if (onAbort !== undefined) signal?.removeEventListener('abort', onAbort);
        if (timer !== undefined) this.#clock.clearTimeout(timer);
        this.#samples.delete(sample);
        if (this.#samples.size === 0) this.#idle?.resolve();
      };
      this.#samples.add(sample);
      work(controller.signal).then(
        (value) => {
          finish();
          resolve(value);
        },
        (error: unknown) => {
          finish();
          reject(error);
        },
      );
    });
  }

  /** What is left to tell the server once nothing is under way. */
  farewell: ((signal: AbortSignal) => Promise<unknown>) | undefined;

  /** Resolves when nothing is under way and the farewell has been told. */
  async whenIdle(signal: AbortSignal): Promise<void> {
    if (this.#samples.size > 0) {
      this.#idle = Promise.withResolvers();
      await orAborted(this.#idle.promise, signal);
    }
    if (this.farewell !== undefined) await orAborted(this.farewell(signal), signal);
  }

  /** Rejects what is under way with `error`; what comes later is not touched. */
  abort(error: Error): void {
    for (const sample of this.#samples) sample.abort(error);
  }
}
