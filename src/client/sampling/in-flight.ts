import { orAborted } from '../../core/deadline.ts';

/** The samples of one client that are under way: counted, so that closing can wait for them or end them. */
export class InFlight {
  #count = 0;
  #idle: PromiseWithResolvers<void> | undefined;
  readonly #controller = new AbortController();

  async run<Value>(work: (signal: AbortSignal) => Promise<Value>): Promise<Value> {
    this.#count++;
    try {
      return await work(this.#controller.signal);
    } finally {
      this.#count--;
      if (this.#count === 0) this.#idle?.resolve();
    }
  }

  /** Resolves when nothing is under way. */
  whenIdle(signal: AbortSignal): Promise<void> {
    if (this.#count === 0) return Promise.resolve();
    this.#idle ??= Promise.withResolvers();
    return orAborted(this.#idle.promise, signal);
  }

  /** Rejects what is under way with `error`. */
  abort(error: Error): void {
    this.#controller.abort(error);
  }
}
