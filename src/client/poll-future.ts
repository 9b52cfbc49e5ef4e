import { delay } from '../core/clock.ts';
import {
  ConnectionError,
  FutureExpiredError,
  InvalidResponseError,
  RequestFailedError,
  TimeoutError,
  TinkerError,
} from '../core/errors.ts';
import type { Budget } from '../core/budget.ts';
import { toFutureOutcome, type FutureOutcome, type QueuePosition } from '../core/future-outcome.ts';
import { messageOf } from '../core/thrown.ts';
import type { ApiClient } from '../http/api-client.ts';
import { parseJson, toStatusError } from '../http/responses.ts';
import { retrieveFuture } from '../http/endpoints/futures.ts';
import type { HttpResponse } from '../http/transport.ts';
import type { QueueChanged } from '../types/events.ts';
import type { RequestType } from '../types/futures.ts';
import { billingRetryMs, type BillingPause } from './billing-pause.ts';
import { lostResultAdvice } from './training/doubt.ts';

/** What all polls of a service share. */
export interface PollContext {
  api: ApiClient;
  billing: BillingPause;
  /** Bytes of large results that may be on their way at once. */
  responseBytes: Budget;
}

export interface PollRequest<Value> {
  request_id: string;
  request_type: RequestType;
  /** How to read the result; an operation without a binary form leaves `protobuf` out. */
  decode: { protobuf?: (bytes: Uint8Array) => Value; json: (value: object) => Value };
  signal: AbortSignal;
  onQueueChanged: (change: QueueChanged) => void;
  /** Of a result that is known to be there: its body is asked for at once. */
  knownBytes?: number | undefined;
  /** Sent with each poll. */
  headers?: Readonly<Record<string, string>> | undefined;
  /** Told before each poll, from 0. */
  onPoll?: ((iteration: number) => void) | undefined;
}

const badRequestRetries = 3;
/** An answer as quick as this was not held by the server. */
const quickAnswerMs = 100;

/** Asks for a result until it is there (wire-protocol 5). Rejects with the operation's failure, or the signal's reason. */
export async function pollFuture<Value>(context: PollContext, request: PollRequest<Value>): Promise<Value> {
  const { api, responseBytes } = context;
  const { signal, knownBytes } = request;
  const poller = new Poller(context, request);
  // What is ready is fetched when there is room for it.
  const fetchBody = (sizeBytes: number): Promise<Value> =>
    responseBytes.run(sizeBytes, signal, async () => {
      for (;;) {
        const body = await poller.ask(false);
        if (body?.kind === 'value') return body.value;
        if (body !== undefined)
          throw new InvalidResponseError(`${request.request_type} has a result but does not give it`);
      }
    });
  if (knownBytes !== undefined) return fetchBody(knownBytes);
  for (;;) {
    const answer = await poller.ask(true);
    if (answer === undefined) continue;
    if (answer.kind === 'value') return answer.value;
    api.connection.logger.debug(`${request.request_type} has a result of ${answer.sizeBytes} bytes`);
    return fetchBody(answer.sizeBytes);
  }
}

/** One future's polls: how often it failed in which way, and where it stands in the server's queue. */
class Poller<Value> {
  readonly #context: PollContext;
  readonly #request: PollRequest<Value>;
  #iteration = 0;
  #failures = 0;
  #badRequests = 0;
  #quickAnswers = 0;
  #position = 'active';

  constructor(context: PollContext, request: PollRequest<Value>) {
    this.#context = context;
    this.#request = request;
  }

  /** Asks once; undefined when it is to be asked again, after whatever wait that takes. */
  async ask(
    allow_metadata_only: boolean,
  ): Promise<{ kind: 'value'; value: Value } | { kind: 'metadataOnly'; sizeBytes: number } | undefined> {
    const { api } = this.#context;
    const { request_id, request_type, signal, decode, headers, onPoll } = this.#request;
    signal.throwIfAborted();
    const { clock } = api.connection;
    const askedAt = clock.now();
    const poll = { request_id, request_type, allow_metadata_only, iteration: this.#iteration++ };
    onPoll?.(poll.iteration);
    const response = await answerOrFailure(retrieveFuture(api, poll, { signal, headers }));
    if (response instanceof Error) return this.#backOff(30_000, response);
    const contentType = response.headers['content-type'] ?? '';
    const json = contentType.includes('protobuf') ? undefined : parseJson(response.body);
    const outcome = toFutureOutcome({ status: response.status, contentType, json });
    if (outcome.kind === 'protobuf' || outcome.kind === 'json') {
      this.#report({ queue_state: 'active', queue_state_reason: null });
      return {
        kind: 'value',
        value: outcome.kind === 'json' ? decode.json(outcome.value) : this.#decode(response.body),
      };
    }
    if (outcome.kind === 'metadataOnly') return outcome;
    return this.#judge(outcome, response, clock.now() - askedAt);
  }

  /** What cannot be read is an answer that no server of the API gives, whatever the decoder calls it. */
  #decode(body: Uint8Array): Value {
    const { request_id, request_type, decode } = this.#request;
    if (decode.protobuf === undefined)
      throw new InvalidResponseError(`${request_type} was answered in protobuf`);
    try {
      return decode.protobuf(body);
    } catch (error) {
      if (TinkerError.isInstance(error)) throw error;
      const reason = messageOf(error);
      throw new InvalidResponseError(`the result of ${request_type} is no protobuf of its kind: ${reason}`, {
        cause: error,
        requestId: request_id,
      });
    }
  }

  async #judge(
    outcome: Exclude<FutureOutcome, { kind: 'protobuf' | 'json' | 'metadataOnly' }>,
    response: HttpResponse,
    tookMs: number,
  ): Promise<undefined> {
    const { request_id, request_type } = this.#request;
    switch (outcome.kind) {
      case 'failed':
        throw new RequestFailedError(outcome.message, outcome.category, { requestId: request_id });
      case 'expired':
        throw new FutureExpiredError(
          `the result of ${request_type} is lost: ${outcome.message}${lostResultAdvice(request_type)}`,
          { requestId: request_id },
        );
      case 'tryAgain':
        this.#failures = 0;
        if (outcome.position !== undefined) {
          this.#badRequests = 0;
          this.#report(outcome.position);
        }
        // A server that holds the request is asked again at once; one that does not is not hammered.
        this.#quickAnswers = tookMs < quickAnswerMs ? this.#quickAnswers + 1 : 0;
        if (this.#quickAnswers > 1) await this.#wait(Math.min(50 * 2 ** this.#quickAnswers, 1000));
        return undefined;
      case 'rateLimited':
        return this.#backOff(30_000, toStatusError(`the result of ${request_type}`, response));
      case 'serverError':
        // The official client asks again at once, for ever; an outage need not be a hot loop.
        return this.#backOff(5000, toStatusError(`the result of ${request_type}`, response));
      case 'billing':
        if (!this.#context.billing.note()) throw toStatusError(`the result of ${request_type}`, response);
        return this.#wait(billingRetryMs);
      case 'badRequest':
        if (++this.#badRequests > badRequestRetries)
          throw toStatusError(`the result of ${request_type}`, response);
        return undefined;
      case 'fatal':
        if (response.status >= 300) throw toStatusError(`the result of ${request_type}`, response);
        throw new InvalidResponseError(`${request_type} was answered with something that is no result`);
    }
  }

  /** Waits longer after each failure in a row, and says so. */
  #backOff(capMs: number, error: Error): Promise<undefined> {
    const delayMs = Math.min(1000 * 2 ** this.#failures++, capMs);
    const what = `the result of ${this.#request.request_type}`;
    this.#context.api.reportRetry(what, { attempt: this.#failures, delayMs, error });
    return this.#wait(delayMs);
  }

  async #wait(delayMs: number): Promise<undefined> {
    await delay(delayMs, this.#context.api.connection.clock, this.#request.signal);
    return undefined;
  }

  /** Once for each change; a request is active until the server says otherwise. */
  #report(position: QueuePosition): void {
    const { request_id, request_type, onQueueChanged } = this.#request;
    const { queue_state, queue_state_reason } = position;
    const key = `${queue_state} ${queue_state_reason ?? ''}`.trim();
    if (key === this.#position) return;
    this.#position = key;
    const { logger } = this.#context.api.connection;
    logger.info(
      `${request_type} is ${queue_state} on the server${queue_state_reason === null ? '' : `: ${queue_state_reason}`}`,
    );
    onQueueChanged({ request_id, queue_state, queue_state_reason });
  }
}

/** The error when the server could not be reached: polls outlive outages. */
async function answerOrFailure(answer: Promise<HttpResponse>): Promise<HttpResponse | Error> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof ConnectionError || error instanceof TimeoutError) return error;
    throw error;
  }
}
