import { ApiError, RateLimitError } from '../../core/api-errors.ts';
import { delay } from '../../core/clock.ts';
import { ConnectionError, FutureExpiredError, TimeoutError } from '../../core/errors.ts';
import { AttemptFailure, retrying } from '../../core/retry.ts';
import { noRetries, sampleRetries } from '../../core/retry-policy.ts';
import type { SpanLaps } from '../../core/tracing.ts';
import type { ApiClient } from '../../http/api-client.ts';
import { submitSample, type SampleBody } from '../../http/endpoints/sampling.ts';
import type { UntypedFuture } from '../../types/futures.ts';
import type { RequestOptions } from '../../types/options.ts';
import type { SampleResponse } from '../../types/sampling.ts';
import { billingRetryMs, type BillingPause } from '../billing-pause.ts';
import type { DispatchGate } from './dispatch-gate.ts';

export interface SampleLoop {
  api: ApiClient;
  gate: DispatchGate;
  billing: BillingPause;
  laps: SpanLaps;
  /** Whether a sample that was lost, or whose server was away for long, is drawn in a new attempt. */
  beginsAnew: boolean;
  /** Each attempt that begins anew takes a sequence id of its own. */
  nextSeqId: () => number | object;
  retrieve: (accepted: UntypedFuture, signal: AbortSignal) => Promise<SampleResponse>;
  /** Told before an attempt begins anew, so that none does in silence. */
  onRetry: (attempt: number, delayMs: number, error: Error) => void;
}

/** A larger prompt makes everybody wait longer when it is turned away. */
const largePromptBytes = 131_072;
const retryBaseMs = 500;
const retryCapMs = 10_000;

/**
 * One sample until it is there (wire-protocol 7.1 to 7.4). A submission that is turned away is repeated as it is; a result
 * that is lost, or a server that was away for long, means a new attempt with a new sequence id.
 */
export async function sampleUntilDone(
  loop: SampleLoop,
  body: Omit<SampleBody, 'seq_id'>,
  bytes: number,
  options: RequestOptions & { signal: AbortSignal },
): Promise<SampleResponse> {
  const { clock, random } = loop.api.connection;
  const { signal } = options;
  for (let attempt = 1; ; attempt++) {
    try {
      const accepted = await submit(loop, { ...body, seq_id: loop.nextSeqId() }, bytes, options);
      loop.laps.lap('submit_ms');
      const response = await loop.retrieve(accepted, signal);
      loop.laps.lap('wait_ms');
      return response;
    } catch (error) {
      signal.throwIfAborted();
      if (!loop.beginsAnew || !isWorthAnotherAttempt(error)) throw error;
      const base = Math.min(retryBaseMs * 2 ** (attempt - 1), retryCapMs);
      const delayMs = Math.min(base * (1 + 0.25 * (2 * random() - 1)), retryCapMs);
      loop.onRetry(attempt, delayMs, error);
      await delay(delayMs, clock, signal);
    }
  }
}

function submit(
  { api, gate, billing, laps }: SampleLoop,
  body: SampleBody,
  bytes: number,
  options: RequestOptions & { signal: AbortSignal },
): Promise<UntypedFuture> {
  const { clock, random } = api.connection;
  const { signal, retry } = options;
  let turnedAway = false;
  const attempt = async (): Promise<UntypedFuture | AttemptFailure> => {
    for (;;) {
      const answer = await gate.dispatch({ bytes, signal, turnedAway }, () => {
        laps.lap('queue_ms');
        return submitSample(api, body, options).catch(toFailure);
      });
      if (!(answer instanceof AttemptFailure)) return answer;
      const waitMs = toBackOffMs(answer.error, bytes, billing);
      if (waitMs === undefined) return answer;
      gate.backOff(waitMs);
      if (retry === false) return answer;
      turnedAway = true;
    }
  };
  const profile = retry === false ? noRetries : sampleRetries;
  return retrying(attempt, {
    profile,
    clock,
    random,
    signal,
    onRetry: (next) => api.reportRetry('POST /api/v1/asample', next),
  });
}

/** How long all samples are to wait after this answer; undefined when it is no request to wait. */
function toBackOffMs(error: unknown, bytes: number, billing: BillingPause): number | undefined {
  if (error instanceof RateLimitError) return bytes > largePromptBytes ? 5000 : 1000;
  if (error instanceof ApiError && error.status === 402 && billing.note()) return billingRetryMs;
  return undefined;
}

function toFailure(error: unknown): AttemptFailure {
  if (error instanceof ConnectionError || error instanceof TimeoutError) return new AttemptFailure(error);
  throw error;
}

function isWorthAnotherAttempt(error: unknown): error is Error {
  if (
    error instanceof FutureExpiredError ||
    error instanceof ConnectionError ||
    error instanceof TimeoutError
  )
    return true;
  return error instanceof ApiError && (error.status === 408 || error.status === 429 || error.status >= 500);
}
