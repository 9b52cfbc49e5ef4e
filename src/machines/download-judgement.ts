import { DownloadError, InternalError, TinkerError } from '../core/errors.ts';
import type { Random } from '../core/random.ts';

const firstDelayMs = 1000;
const longestDelayMs = 30_000;
/** Between two looks at an archive that is being built, as the official client waits (wire-protocol 2.20). */
const pendingWaitMs = 30_000;
const shortestPendingWaitMs = 1000;

/** How a download stands with its setbacks. */
export interface SetbackState {
  /** Failures since the last progress. */
  failureCount: number;
  /** The most that was ever on disk: a transfer which starts over and over makes no progress until it gets further. */
  bestBytes: number;
  /** Whether an expired address was renewed since the last progress. The first time costs no wait. */
  renewed: boolean;
  /** Whether a damaged archive was fetched again; damaged twice is final. */
  refetched: boolean;
  /** How long the server has been building the archive. */
  pendingMs: number;
  /** The wait that comes next, or came last. */
  waitMs: number;
  error: Error;
}

export const noSetbacks: SetbackState = {
  failureCount: 0,
  bestBytes: 0,
  renewed: false,
  refetched: false,
  pendingMs: 0,
  waitMs: 0,
  error: new Error('the download has not failed'),
};

export interface SetbackPolicy {
  tinkerPath: string;
  destination: string;
  random: Random;
  /** Failures in a row without a new byte before the download fails. */
  retryLimit: number;
  /** How long the server may build the archive. */
  pendingLimitMs: number;
}

/** The parts of a step's outcome that matter when it was not a success. */
export interface StepResult {
  kind: string;
  error?: Error | undefined;
  receivedBytes?: number | undefined;
  retryAfterMs?: number | undefined;
}

/** Where the download goes after a step that did not succeed. */
export type NextStep = 'renewing' | 'pending' | 'backingOff' | 'discarding' | 'failing';

export interface Judgement {
  next: NextStep;
  state: Partial<SetbackState>;
}

/** Decides what a step's outcome means: pure, but for the jitter. */
export function judge(policy: SetbackPolicy, state: SetbackState, result: StepResult): Judgement {
  const error = result.error ?? new InternalError(`a download step ended as ${result.kind}`);
  const { receivedBytes = 0 } = result;
  const isFurther = receivedBytes > state.bestBytes;
  const failing: Judgement = { next: 'failing', state: { error } };
  switch (result.kind) {
    case 'exists':
      return { next: 'failing', state: { error: toExistsError(policy.destination) } };
    case 'pending':
      return judgePending(policy, state, result);
    case 'urlExpired':
      if (state.renewed && !isFurther) return backOff(policy, state, result, error);
      return {
        next: 'renewing',
        state: { renewed: true, bestBytes: Math.max(state.bestBytes, receivedBytes) },
      };
    case 'transient':
      return backOff(policy, state, result, error);
    case 'stale': {
      const judged = backOff(policy, state, result, error);
      return judged.next === 'failing' ? judged : { ...judged, next: 'discarding' };
    }
    case 'corrupt':
      return state.refetched ? failing : { next: 'discarding', state: { error, refetched: true } };
    default:
      return isShortOfFiles(error) ? backOff(policy, state, result, error) : failing;
  }
}

function judgePending(
  { tinkerPath, pendingLimitMs }: SetbackPolicy,
  state: SetbackState,
  result: StepResult,
): Judgement {
  const waitMs = Math.max(result.retryAfterMs ?? pendingWaitMs, shortestPendingWaitMs);
  const pendingMs = state.pendingMs + waitMs;
  if (pendingMs <= pendingLimitMs) return { next: 'pending', state: { waitMs, pendingMs } };
  const waited = `after ${Math.round(state.pendingMs / 1000)} s`;
  const message = `What is to be fetched of ${tinkerPath} is still being built ${waited}, and the limit is ${pendingLimitMs / 1000} s`;
  return { next: 'failing', state: { error: new DownloadError('archive_pending', message) } };
}

/** A wait of 1 s, doubling to 30 s, up to a quarter of it taken off; or what the server wishes. */
function backOff(policy: SetbackPolicy, state: SetbackState, result: StepResult, error: Error): Judgement {
  const { receivedBytes = 0, retryAfterMs } = result;
  const isFurther = receivedBytes > state.bestBytes;
  const failureCount = isFurther ? 1 : state.failureCount + 1;
  if (failureCount > policy.retryLimit) return { next: 'failing', state: { error } };
  const backOffMs =
    Math.min(firstDelayMs * 2 ** (failureCount - 1), longestDelayMs) * (1 - 0.25 * policy.random());
  return {
    next: 'backingOff',
    state: {
      failureCount,
      bestBytes: Math.max(state.bestBytes, receivedBytes),
      renewed: state.renewed && !isFurther,
      waitMs: Math.round(retryAfterMs ?? backOffMs),
      error,
    },
  };
}

/** Others close theirs as they end. */
function isShortOfFiles(error: Error): boolean {
  return TinkerError.isInstance(error) && ['EMFILE', 'ENFILE'].includes(String(error.details['errno']));
}

/** Whether the bytes on disk help a later download: not when it is they that are wrong, or nobody needs them. */
export function isWorthKeeping(error: Error): boolean {
  return (
    !TinkerError.isInstance(error) ||
    !['unsafe_archive', 'corrupt_archive', 'checksum_mismatch', 'destination_exists'].includes(error.code)
  );
}

function toExistsError(destination: string): DownloadError {
  return new DownloadError('destination_exists', `The target exists already: ${destination}`, {
    details: { destination },
  });
}

/** What only a bug makes a step throw; an error of ours is what it says. */
export function toBug(error: unknown): Error {
  if (TinkerError.isInstance(error)) return error;
  return new InternalError(`a download step threw: ${String(error)}`, { cause: error });
}
