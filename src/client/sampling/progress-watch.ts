import type { Clock } from '../../core/clock.ts';
import { ConnectionError } from '../../core/errors.ts';

export interface ProgressWatchOptions {
  clock: Clock;
  isBusy: () => boolean;
  /** Told when nothing has finished for too long; whatever is under way is to fail with the error. */
  onStuck: (error: Error) => void;
}

/** As long as the official client lets samples go without any of them finishing (wire-protocol 7.4). */
const stuckAfterMs = 2 * 60 * 60_000;

/** Notices when samples wait and wait and none is ever answered. Its timer runs only while something is under way. */
export class ProgressWatch {
  readonly #options: ProgressWatchOptions;
  #timer: unknown;
  #lastProgress = 0;

  constructor(options: ProgressWatchOptions) {
    this.#options = options;
  }

  /** A sample begins: from idle to busy the clock starts anew. */
  noteStart(): void {
    if (this.#timer !== undefined) return;
    this.noteProgress();
    this.#arm(stuckAfterMs);
  }

  noteProgress(): void {
    this.#lastProgress = this.#options.clock.now();
  }

  /** Nothing is under way any more. */
  noteIdle(): void {
    if (this.#timer !== undefined) this.#options.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #arm(delayMs: number): void {
    this.#timer = this.#options.clock.setTimeout(() => this.#check(), delayMs);
  }

  #check(): void {
    const { clock, isBusy, onStuck } = this.#options;
    this.#timer = undefined;
    if (!isBusy()) return;
    const silentMs = clock.now() - this.#lastProgress;
    if (silentMs < stuckAfterMs) {
      this.#arm(stuckAfterMs - silentMs);
      return;
    }
    onStuck(new ConnectionError(`No progress made in ${stuckAfterMs / 1000} s: requests appear to be stuck`));
  }
}
