import { delay } from '../core/clock.ts';
import { ConnectionError, FutureExpiredError, InvalidResponseError, RequestFailedError, TimeoutError } from '../core/errors.ts';
import { toFutureOutcome, type QueuePosition } from '../core/future-outcome.ts';
import { parseJson, toStatusError, type ApiClient } from '../http/api-client.ts';
import { retrieveFuture } from '../http/endpoints/futures.ts';
import type { HttpResponse } from '../http/transport.ts';
import type { QueueChanged } from '../types/events.ts';
import type { RequestType } from '../types/futures.ts';

export interface PollRequest<Value> {
  request_id: string;
  request_type: RequestType;
  /** How to read the result; an operation without a binary form leaves `protobuf` out. */
  decode: { protobuf?: (bytes: Uint8Array) => Value; json(value: object): Value };
  signal: AbortSignal;
  /** How long a billing pause (402) is waited out. */
  billingPauseMs: number;
  onQueueChanged(change: QueueChanged): void;
}

const badRequestRetries = 3;

/** Asks for a result until it is there (wire-protocol 5). Rejects with the operation's failure, or the signal's reason. */
export async function pollFuture<Value>(api: ApiClient, request: PollRequest<Value>): Promise<Value> {
  const { request_id, request_type, decode, signal, billingPauseMs } = request;
  const { clock } = api.connection;
  const position = new PositionReporter(request);
  let failures = 0;
  let badRequests = 0;
  let quickAnswers = 0;
  let pausedSince: number | undefined;
  for (let iteration = 0; ; iteration++) {
    signal.throwIfAborted();
    const askedAt = clock.now();
    const poll = { request_id, request_type, iteration, allow_metadata_only: false };
    const response = await answerOrFailure(retrieveFuture(api, poll, { signal }));
    if (response === undefined) {
      await delay(backOffMs(failures++, 30_000), clock, signal);
      continue;
    }
    const contentType = response.headers['content-type'] ?? '';
    const json = contentType.includes('protobuf') ? undefined : parseJson(response.body);
    const outcome = toFutureOutcome({ status: response.status, contentType, json });
    switch (outcome.kind) {
      case 'protobuf':
        position.report({ queue_state: 'active', queue_state_reason: null });
        if (decode.protobuf === undefined) throw new InvalidResponseError(`${request_type} was answered in protobuf`);
        return decode.protobuf(response.body);
      case 'json':
        position.report({ queue_state: 'active', queue_state_reason: null });
        return decode.json(outcome.value);
      case 'failed':
        throw new RequestFailedError(outcome.message, outcome.category, { requestId: request_id });
      case 'expired':
        throw new FutureExpiredError(`the result of ${request_type} is lost: ${outcome.message}`, { requestId: request_id });
      case 'tryAgain':
        failures = 0;
        if (outcome.position !== undefined) position.report(outcome.position);
        // A server that holds the request is asked again at once; one that does not is not hammered.
        quickAnswers = clock.now() - askedAt < 100 ? quickAnswers + 1 : 0;
        if (quickAnswers > 1) await delay(Math.min(50 * 2 ** quickAnswers, 1000), clock, signal);
        break;
      case 'rateLimited':
        await delay(backOffMs(failures++, 30_000), clock, signal);
        break;
      case 'serverError':
        await delay(backOffMs(failures++, 5000), clock, signal);
        break;
      case 'billing':
        pausedSince ??= clock.now();
        if (clock.now() - pausedSince > billingPauseMs) throw toStatusError(`the result of ${request_type}`, response);
        await delay(5000, clock, signal);
        break;
      case 'badRequest':
        if (++badRequests > badRequestRetries) throw toStatusError(`the result of ${request_type}`, response);
        break;
      case 'metadataOnly':
        throw new InvalidResponseError(`${request_type} was answered with its size alone, which was not allowed`);
      case 'fatal':
        if (response.status >= 300) throw toStatusError(`the result of ${request_type}`, response);
        throw new InvalidResponseError(`${request_type} was answered with something that is no result`);
    }
  }
}

/** Undefined when the server could not be reached: polls outlive outages. */
async function answerOrFailure(answer: Promise<HttpResponse>): Promise<HttpResponse | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof ConnectionError || error instanceof TimeoutError) return undefined;
    throw error;
  }
}

function backOffMs(failures: number, capMs: number): number {
  return Math.min(1000 * 2 ** failures, capMs);
}

/** Tells a request's place in the queue once for each change. A request is active until the server says otherwise. */
class PositionReporter {
  #last = 'active';
  readonly #request: { request_id: string; onQueueChanged(change: QueueChanged): void };

  constructor(request: { request_id: string; onQueueChanged(change: QueueChanged): void }) {
    this.#request = request;
  }

  report(position: QueuePosition): void {
    const key = position.queue_state + (position.queue_state_reason ?? '');
    if (key === this.#last) return;
    this.#last = key;
    this.#request.onQueueChanged({ request_id: this.#request.request_id, ...position });
  }
}
