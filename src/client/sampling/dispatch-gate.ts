import PQueue from 'p-queue';
import { Budget } from '../../core/budget.ts';
import type { Clock } from '../../core/clock.ts';

/** Submissions at once, and while the server has asked to slow down. */
const openConcurrency = 400;
const throttledConcurrency = 10;
/** For so long after a back-off has ended the gate stays narrow. */
const recoveryMs = 10_000;
/** While the gate is narrow every byte counts this many times. */
const throttledWeight = 20;

const first = { priority: 1 };

export interface DispatchGateOptions {
  clock: Clock;
  /** Bytes of prompts that may be in submission at once. */
  sizeBytes: number;
  onChange: (change: GateChange) => void;
}

/** Every sample waits for `waitMs`; then at most `concurrency` submissions go out at once. */
export interface GateChange {
  waitMs: number;
  concurrency: number;
}

/**
 * Where the samples of all clients of a service pass on their way to the server (wire-protocol 7.2, 7.3). It covers only
 * the submission: an accepted sample has left it.
 */
export class DispatchGate {
  readonly #options: DispatchGateOptions;
  readonly #queue = new PQueue({ concurrency: openConcurrency });
  readonly #bytes: Budget;
  #backOffUntil = Number.NEGATIVE_INFINITY;
  #timer: unknown;

  constructor(options: DispatchGateOptions) {
    this.#options = options;
    this.#bytes = new Budget(options.sizeBytes);
  }

  /** Runs a submission when it may go; one that was turned away before goes first. */
  dispatch<Value>(
    { bytes, signal, turnedAway }: { bytes: number; signal: AbortSignal; turnedAway: boolean },
    submit: () => Promise<Value>,
  ): Promise<Value> {
    const task = (): Promise<Value> => {
      // A sample that was given up while it waited has told its caller already.
      signal.throwIfAborted();
      return this.#bytes.run(this.#isThrottled() ? bytes * throttledWeight : bytes, signal, submit);
    };
    return this.#queue.add(task, turnedAway ? first : undefined);
  }

  /** The server asked for a pause: everybody waits, and goes on carefully. */
  backOff(waitMs: number): void {
    const { clock, onChange } = this.#options;
    const until = clock.now() + waitMs;
    if (until <= this.#backOffUntil) return;
    this.#backOffUntil = until;
    this.#queue.pause();
    this.#queue.concurrency = throttledConcurrency;
    if (this.#timer !== undefined) clock.clearTimeout(this.#timer);
    this.#timer = clock.setTimeout(() => this.#resume(), waitMs);
    onChange({ waitMs, concurrency: throttledConcurrency });
  }

  #resume(): void {
    const { clock, onChange } = this.#options;
    this.#queue.start();
    this.#timer = clock.setTimeout(() => {
      this.#timer = undefined;
      this.#queue.concurrency = openConcurrency;
      onChange({ waitMs: 0, concurrency: openConcurrency });
    }, recoveryMs);
  }

  /** Lets go of the timer; what waits is ended by its own signal. */
  close(): void {
    if (this.#timer !== undefined) this.#options.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #isThrottled(): boolean {
    return this.#options.clock.now() - this.#backOffUntil < recoveryMs;
  }
}
