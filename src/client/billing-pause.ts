import { BillingError } from '../core/api-errors.ts';
import type { Clock } from '../core/clock.ts';

/** Between two tries of a request that was answered 402. */
export const billingRetryMs = 5000;
/** Silence after which a pause counts as over, and the next 402 begins a new one. */
const forgetAfterMs = 300_000;
const logEveryMs = 60_000;

export interface BillingPauseOptions {
  clock: Clock;
  /** How long one pause may last before 402 becomes a failure; the server's flag says. */
  maxPauseMs: number;
  /** Told when a pause begins, and every minute that it lasts. */
  onPause: (pausedMs: number) => void;
}

/** Whether requests that were answered 402 are to be repeated: topping up the account resumes the job (wire-protocol 11.4). */
export class BillingPause {
  readonly #options: BillingPauseOptions;
  #since: number | undefined;
  #lastSeen = 0;
  #lastLogged: number | undefined;

  constructor(options: BillingPauseOptions) {
    this.#options = options;
  }

  /** Whether a request that failed with this is to be repeated in a while; notes the 402 if it is one. */
  pausesFor(error: unknown): boolean {
    return error instanceof BillingError && this.note();
  }

  /** Notes a 402. False when the pause has lasted too long: then the 402 is a failure. */
  note(): boolean {
    const { clock, maxPauseMs, onPause } = this.#options;
    const now = clock.now();
    if (this.#since === undefined || now - this.#lastSeen > forgetAfterMs) {
      this.#since = now;
      this.#lastLogged = undefined;
    }
    this.#lastSeen = now;
    if (now - this.#since > maxPauseMs) return false;
    if (this.#lastLogged === undefined || now - this.#lastLogged >= logEveryMs) {
      this.#lastLogged = now;
      onPause(now - this.#since);
    }
    return true;
  }
}
