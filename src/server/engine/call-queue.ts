/** A call that waits for its turn. */
export interface QueuedCall {
  run: () => Promise<void>;
}

/**
 * Runs calls one at a time, in the order they came. A running call may look at the next one and take it over, which
 * lets sampling requests that follow each other share a batch without overtaking anything else; one that takes long may
 * add itself again, and goes on after those that wait.
 */
export class CallQueue<Call extends QueuedCall> {
  readonly #waiting: Call[] = [];
  #running = false;

  add(call: Call): void {
    this.#waiting.push(call);
    if (!this.#running) void this.#drain();
  }

  /** Takes the next call out of the queue if `accept` wants it. */
  takeNext(accept: (call: Call) => boolean): Call | undefined {
    const next = this.#waiting[0];
    return next !== undefined && accept(next) ? this.#waiting.shift() : undefined;
  }

  /** Whether a call waits that `accept` does not want. */
  hasNextExcept(accept: (call: Call) => boolean): boolean {
    const next = this.#waiting[0];
    return next !== undefined && !accept(next);
  }

  async #drain(): Promise<void> {
    this.#running = true;
    for (let call = this.#waiting.shift(); call !== undefined; call = this.#waiting.shift()) await call.run();
    this.#running = false;
  }
}
