import { ApiError } from '../../core/api-errors.ts';
import { delay, toBackground } from '../../core/clock.ts';
import { ConnectionError, TimeoutError } from '../../core/errors.ts';
import { messageOf, toError } from '../../core/thrown.ts';
import type { ApiClient } from '../../http/api-client.ts';
import { retrieveFutures, type CompletionsAnswer } from '../../http/endpoints/futures.ts';
import type { Completion } from '../../types/futures.ts';
import { billingRetryMs, type BillingPause } from '../billing-pause.ts';

export interface CompletionPollerOptions {
  api: ApiClient;
  billing: BillingPause;
  sampling_session_id: string;
  /** Which copy of the sampler's client this is; 0 is the first. */
  copy: number;
  /** Whether a sample may have been accepted that nobody waits for yet. */
  isSubmitting: () => boolean;
  /** Ends it. */
  signal: AbortSignal;
}

/** How a completion reaches who waits for it; undefined: its result is to be asked for as if there were no poller. */
type Waiter = (completion: Completion | undefined) => void;

const pollTimeoutMs = 45_000;
const reportTimeoutMs = 5000;
const retryMs = 1000;
/** What has been fetched is reported with the next poll; without one, after this. */
const reportDelayMs = 1000;
const badRequestRetries = 3;

/**
 * Learns which samples of a client have finished by one held request for all of them (wire-protocol 7.7). It runs while a
 * sample waits, and reports whose results have arrived, so that the server may let go of them.
 */
export class CompletionPoller {
  readonly #options: CompletionPollerOptions;
  readonly #waiting = new Map<string, Waiter>();
  /** Finished before anybody waited for them; the value tells whether a later answer has come since. */
  readonly #early = new Map<string, { completion: Completion; isOld: boolean }>();
  /** Given up, or asked for directly: their completions are for nobody. */
  readonly #unwanted = new Set<string>();
  readonly #fetched = new Set<string>();
  #cursor = 0;
  #reportedCursor = 0;
  #badRequests = 0;
  #isRunning = false;
  #isOff = false;
  #poll: AbortController | undefined;
  #onWaiter: (() => void) | undefined;

  constructor(options: CompletionPollerOptions) {
    this.#options = options;
  }

  /** Resolves when the request has finished; with undefined when that cannot be learnt here. */
  waitFor(requestId: string, signal: AbortSignal): Promise<Completion | undefined> {
    const early = this.#early.get(requestId);
    if (early !== undefined) {
      this.#early.delete(requestId);
      return Promise.resolve(early.completion);
    }
    if (this.#isOff || this.#options.signal.aborted) return Promise.resolve(undefined);
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#waiting.delete(requestId);
        this.#unwanted.add(requestId);
        if (this.#waiting.size === 0) this.#poll?.abort();
        reject(signal.reason);
      };
      if (signal.aborted) return onAbort();
      signal.addEventListener('abort', onAbort, { once: true });
      this.#waiting.set(requestId, (completion) => {
        signal.removeEventListener('abort', onAbort);
        resolve(completion);
      });
      this.#onWaiter?.();
      this.#start();
    });
  }

  /** The result has arrived, or is wanted no more. */
  noteFetched(requestId: string): void {
    if (this.#isOff) return;
    this.#fetched.add(requestId);
    this.#start();
  }

  /** Tells the server once what has been fetched; whether it hears is not waited for twice. */
  async report(signal: AbortSignal): Promise<void> {
    if (this.#isOff || !this.#hasNews()) return;
    const answer = await this.#ask(true, signal).catch(() => undefined);
    if (answer?.kind === 'completions') this.#take(answer);
  }

  #start(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    void this.#run().finally(() => (this.#isRunning = false));
  }

  async #run(): Promise<void> {
    const { signal } = this.#options;
    while (!signal.aborted && !this.#isOff) {
      if (this.#waiting.size === 0 && !this.#hasNews()) return;
      if (this.#waiting.size === 0) await this.#waiterOrDelay();
      const isReport = this.#waiting.size === 0;
      this.#poll = new AbortController();
      const both = AbortSignal.any([this.#poll.signal, signal]);
      try {
        const answer = await this.#ask(isReport, both);
        if (answer.kind === 'completions') this.#take(answer);
        else await this.#judge(answer.error);
      } catch (error) {
        if (signal.aborted) break;
        // With nobody left to wait for, the poll was given up.
        if (!both.aborted) await this.#judge(error).catch(() => undefined);
      }
    }
    this.#release();
  }

  #ask(isReport: boolean, signal: AbortSignal): Promise<CompletionsAnswer> {
    const { api, sampling_session_id, copy } = this.#options;
    const body = {
      target: { type: 'sampling_session' as const, sampling_session_id, cloned_sampler_id: copy },
      prev_cursor: this.#cursor,
      ...(isReport ? { timeout: 0 } : {}),
      retrieved_request_ids: [...this.#fetched].sort(),
    };
    return retrieveFutures(api, body, {
      signal,
      requestTimeoutMs: isReport ? reportTimeoutMs : pollTimeoutMs,
    });
  }

  #take({
    completions,
    cursor,
    reported,
    prev_cursor,
  }: Extract<CompletionsAnswer, { kind: 'completions' }>): void {
    this.#badRequests = 0;
    this.#reportedCursor = Math.max(this.#reportedCursor, prev_cursor);
    this.#cursor = cursor;
    for (const requestId of reported) this.#fetched.delete(requestId);
    const isSubmitting = this.#options.isSubmitting();
    for (const [requestId, early] of this.#early) {
      if (early.isOld && !isSubmitting) this.#drop(requestId);
      early.isOld = true;
    }
    for (const completion of completions) {
      const { request_id } = completion;
      const waiter = this.#waiting.get(request_id);
      this.#waiting.delete(request_id);
      if (waiter !== undefined) waiter(completion);
      else if (this.#unwanted.delete(request_id)) this.#drop(request_id);
      else this.#early.set(request_id, { completion, isOld: false });
    }
  }

  #drop(requestId: string): void {
    this.#early.delete(requestId);
    this.#fetched.add(requestId);
  }

  /** Waits before the next try, or leaves those that wait to ask for themselves. */
  async #judge(error: unknown): Promise<void> {
    const { api, billing, signal } = this.#options;
    const { clock, logger } = api.connection;
    if (billing.pausesFor(error)) return delay(billingRetryMs, clock, signal);
    const isBadRequest = error instanceof ApiError && error.status === 400;
    if (isPassing(error) || (isBadRequest && ++this.#badRequests <= badRequestRetries)) {
      api.reportRetry('the completions of samples', {
        attempt: Math.max(this.#badRequests, 1),
        delayMs: retryMs,
        error: toError(error),
      });
      return delay(retryMs, clock, signal);
    }
    const reason = messageOf(error);
    logger.warn(`samples are asked for one by one, since their completions cannot be: ${reason}`);
    this.#badRequests = 0;
    this.#cursor = 0;
    this.#reportedCursor = 0;
    this.#isOff = isUnknownRoute(error);
    for (const requestId of this.#waiting.keys()) this.#unwanted.add(requestId);
    this.#release();
  }

  /** Has everybody who waits ask for the result directly. */
  #release(): void {
    const waiters = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const waiter of waiters) waiter(undefined);
    if (this.#isOff) for (const ids of [this.#unwanted, this.#fetched, this.#early]) ids.clear();
  }

  #hasNews(): boolean {
    return this.#fetched.size > 0 || this.#cursor > this.#reportedCursor;
  }

  /** The next sample takes the news along with its poll; if none comes soon, they go alone. */
  #waiterOrDelay(): Promise<void> {
    const clock = toBackground(this.#options.api.connection.clock);
    const { signal } = this.#options;
    return new Promise((resolve) => {
      const finish = (): void => {
        clock.clearTimeout(timer);
        signal.removeEventListener('abort', finish);
        this.#onWaiter = undefined;
        resolve();
      };
      const timer = clock.setTimeout(finish, reportDelayMs);
      signal.addEventListener('abort', finish, { once: true });
      this.#onWaiter = finish;
    });
  }
}

function isPassing(error: unknown): boolean {
  if (error instanceof ConnectionError || error instanceof TimeoutError) return true;
  return error instanceof ApiError && ([408, 409, 429].includes(error.status) || error.status >= 500);
}

function isUnknownRoute(error: unknown): boolean {
  return error instanceof ApiError && [404, 405, 501].includes(error.status);
}
