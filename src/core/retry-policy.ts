import { ApiError } from './api-errors.ts';
import { ConnectionError, TimeoutError } from './errors.ts';
import type { Random } from './random.ts';

/** Which retries a request gets; the only knobs are these. */
export interface RetryProfile {
  /** No new attempt begins after this many milliseconds since the first. */
  totalMs: number;
  /** How often a 409 is asked again: it is rarely a passing state (wire-protocol 1.11). */
  conflictCount: number;
  /** How many retries at most; as many as fit the time by default. */
  retryCount?: number | undefined;
}

/** What the official client does in all: five minutes. */
export const defaultRetries: RetryProfile = { totalMs: 300_000, conflictCount: 2 };
/** A sample's submission: while the server is away. Being asked to slow down is no failure and is not counted here. */
export const sampleRetries: RetryProfile = { totalMs: 300_000, conflictCount: 2 };
/** A 409 says what is so already: for good, and looked into by the caller. */
export const conflictIsFinal: RetryProfile = { totalMs: 300_000, conflictCount: 0 };
/** A new token while the old one still serves: as long as the official client tries within one request. */
export const renewalRetries: RetryProfile = { totalMs: 60_000, conflictCount: 2 };
/** A batch that nobody waits for; after that it is dropped. */
export const telemetryRetries: RetryProfile = { totalMs: 60_000, conflictCount: 0, retryCount: 3 };
/** Sent once: for polls, heartbeats and whatever has a loop of its own around it. */
export const noRetries: RetryProfile = { totalMs: 0, conflictCount: 0 };

/** What the server said about trying again, besides the status. */
export interface RetryHints {
  /** `x-should-retry`: overrides the status. */
  shouldRetry?: boolean | undefined;
  /** `retry-after-ms` or `retry-after`, when it lies in (0, 60 s]. */
  retryAfterMs?: number | undefined;
}

export function isTransient(
  error: unknown,
  hints: RetryHints,
  conflictsSoFar: number,
  profile: RetryProfile,
): boolean {
  if (error instanceof ConnectionError || error instanceof TimeoutError) return true;
  if (!(error instanceof ApiError)) return false;
  if (hints.shouldRetry !== undefined) return hints.shouldRetry;
  if (error.status === 409) return conflictsSoFar < profile.conflictCount;
  return error.status === 408 || error.status === 429 || error.status >= 500;
}

/** The wait before retry number `attempt` (from 0): the server's word, else 0.5 s doubling to 10 s, up to 25 % taken off. */
export function retryDelayMs(attempt: number, hints: RetryHints, random: Random): number {
  if (hints.retryAfterMs !== undefined) return hints.retryAfterMs;
  return Math.min(500 * 2 ** attempt, 10_000) * (1 - 0.25 * random());
}

/** Reads the hints of a response's headers (wire-protocol 1.10). */
export function readRetryHints(
  headers: Readonly<Record<string, string | undefined>>,
  nowMs: number,
): RetryHints {
  const wish = headers['x-should-retry'];
  return {
    shouldRetry: wish === 'true' ? true : wish === 'false' ? false : undefined,
    retryAfterMs: readRetryAfterMs(headers, nowMs),
  };
}

function readRetryAfterMs(
  headers: Readonly<Record<string, string | undefined>>,
  nowMs: number,
): number | undefined {
  const milliseconds = Number.parseFloat(headers['retry-after-ms'] ?? '');
  const seconds = headers['retry-after'];
  const candidates = [
    milliseconds,
    Number(seconds ?? Number.NaN) * 1000,
    seconds === undefined ? Number.NaN : Date.parse(seconds) - nowMs,
  ];
  return candidates.find((value) => value > 0 && value <= 60_000);
}
