import { BillingError } from '../../core/api-errors.ts';
import { ClientClosedError } from '../../core/errors.ts';
import type { Emitter } from '../../core/emitter.ts';
import { SpanLaps } from '../../core/tracing.ts';
import type { ClientLife } from '../../types/client-life.ts';
import type { TrainingRef } from '../../machines/service.machine.ts';
import type { TurnPlace } from '../../machines/turn-queue.ts';
import type { TrainingEvents } from '../../types/events.ts';
import type { RequestType, UntypedFuture } from '../../types/futures.ts';
import type { RequestOptions } from '../../types/options.ts';
import { DeferredFuture, type ApiFuture } from '../api-future.ts';
import type { BillingPause } from '../billing-pause.ts';
import { pollFuture, type PollRequest } from '../poll-future.ts';
import type { ServiceRuntime } from '../runtime.ts';
import { ApiTurn, type Submission } from './api-turn.ts';

/** A call as the public methods describe it. */
export interface Call<Raw, Value> {
  method: string;
  /** How many sequence ids it takes: the number of its requests. */
  width: number;
  submit: (place: TurnPlace, options: RequestOptions) => Promise<Submission>;
  requestType: RequestType;
  /** How to read the result of each request. */
  decode: PollRequest<Raw>['decode'];
  /** The caller's value from the results of all requests, in order. */
  finish: (results: Raw[]) => Value | Promise<Value>;
}

/** Puts calls into the line of one training client, and gives each its future. */
export class TurnLine {
  readonly #runtime: ServiceRuntime;
  readonly #actor: TrainingRef;
  readonly #life: ClientLife;
  readonly #emitter: Emitter<TrainingEvents>;

  constructor(parts: { runtime: ServiceRuntime; actor: TrainingRef; life: ClientLife; emitter: Emitter<TrainingEvents> }) {
    this.#runtime = parts.runtime;
    this.#actor = parts.actor;
    this.#life = parts.life;
    this.#emitter = parts.emitter;
  }

  /** Takes its place before it returns. What is wrong with the arguments rejects the future, and takes no place. */
  enqueue<Raw, Value>(
    method: string,
    options: RequestOptions,
    prepare: () => Omit<Call<Raw, Value>, 'method'>,
  ): ApiFuture<Value> {
    // The caller's signal and deadline end the caller's waiting; a request that is being sent is sent to its end.
    const { signal, timeoutMs, ...sending } = options;
    const { clock, logger } = this.#runtime.api.connection;
    const onDetach = (): void => {
      if (turn === undefined) return;
      turn.detach();
      this.#actor.send({ type: 'turn.remove', turn });
    };
    let turn: ApiTurn<Value> | undefined;
    const future = new DeferredFuture<Value>({ method, clock, logger, signal, timeoutMs, onDetach });
    if (future.isSettled) return future;
    if (!this.#life.isOpen) {
      future.reject(new ClientClosedError(`${method}: this training client is closed`));
      return future;
    }
    try {
      turn = this.#toTurn(future, { method, ...prepare() }, sending);
      this.#actor.send({ type: 'turn.enqueue', turn });
    } catch (error) {
      future.reject(error);
    }
    return future;
  }

  #toTurn<Raw, Value>(
    future: DeferredFuture<Value>,
    call: Call<Raw, Value>,
    sending: RequestOptions,
  ): ApiTurn<Value> {
    const { billing, startSpan, reportFailure, api } = this.#runtime;
    const laps = new SpanLaps(startSpan(`TrainingClient.${call.method}`), api.connection.clock);
    const headers = { ...laps.headers, ...sending.headers };
    const { method, width, submit, requestType, decode, finish } = call;
    return new ApiTurn({
      method,
      width,
      future,
      laps,
      onFailure: (error) => reportFailure(error, `TrainingClient.${method}`),
      submit: async (place, signal) => {
        const submission = await submit(place, { ...sending, headers, signal });
        return isBillingPause(submission, billing) ? { kind: 'paused' } : submission;
      },
      retrieve: async (requestIds, signal) => {
        const poll = (request_id: string): Promise<Raw> =>
          pollFuture(this.#runtime, {
            request_id,
            request_type: requestType,
            decode,
            signal,
            headers,
            onPoll: (iteration) => laps.notePoll(iteration),
            onQueueChanged: (change) => {
              future.noteQueue(change);
              this.#emitter.emit('queue.changed', change);
            },
          });
        return finish(await Promise.all(requestIds.map(poll)));
      },
    });
  }
}

/** A call that was refused for billing is sent again, with the same sequence ids, while the pause may last. */
function isBillingPause(submission: Submission, billing: BillingPause): boolean {
  if (submission.kind !== 'refused') return false;
  const { error } = submission;
  const cause = error instanceof BillingError ? error : error.cause;
  return cause instanceof BillingError && billing.note();
}

/** The submission of a call that is one request. */
export function submitOne(
  post: (place: TurnPlace, options: RequestOptions) => Promise<UntypedFuture>,
): Call<never, never>['submit'] {
  return async (place, options) => {
    try {
      const { request_id } = await post(place, options);
      return { kind: 'accepted', requestIds: [request_id] };
    } catch (error) {
      const failure = error instanceof Error ? error : new Error(String(error), { cause: error });
      return { kind: 'refused', error: failure, takenCount: 1 };
    }
  };
}
