import { delay, type Clock } from './clock.ts';
import type { Random } from './random.ts';
import { isTransient, retryDelayMs, type RetryHints, type RetryProfile } from './retry-policy.ts';

export interface RetryContext {
  profile: RetryProfile;
  clock: Clock;
  random: Random;
  signal?: AbortSignal | undefined;
  /** Told before each wait, so that no retry is silent. */
  onRetry?: ((retry: RetryAttempt) => void) | undefined;
}

export interface RetryAttempt {
  /** 1 for the first retry. */
  attempt: number;
  delayMs: number;
  error: Error;
}

/** What one attempt failed with, and what the server said about trying again. */
export class AttemptFailure {
  readonly error: Error;
  readonly hints: RetryHints;

  constructor(error: Error, hints: RetryHints = {}) {
    this.error = error;
    this.hints = hints;
  }
}

/** The only retry loop. `attempt` returns its value or an AttemptFailure; what it throws is not retried. */
export async function retrying<Value>(
  attempt: (index: number) => Promise<Value | AttemptFailure>,
  { profile, clock, random, signal, onRetry }: RetryContext,
): Promise<Value> {
  const startedAt = clock.now();
  let conflicts = 0;
  for (let index = 0; ; index++) {
    signal?.throwIfAborted();
    const result = await attempt(index);
    if (!(result instanceof AttemptFailure)) return result;
    const { error, hints } = result;
    const delayMs = retryDelayMs(index, hints, random);
    const late =
      clock.now() + delayMs - startedAt > profile.totalMs ||
      index >= (profile.retryCount ?? Number.POSITIVE_INFINITY);
    if (late || !isTransient(error, hints, conflicts, profile)) throw error;
    if ('status' in error && error.status === 409) conflicts++;
    onRetry?.({ attempt: index + 1, delayMs, error });
    await delay(delayMs, clock, signal);
  }
}
