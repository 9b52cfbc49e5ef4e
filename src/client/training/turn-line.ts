import { ClientClosedError } from '../../core/errors.ts';
import type { Emitter } from '../../core/emitter.ts';
import type { ClientLife } from '../../types/client-life.ts';
import type { TrainingRef } from '../../machines/service.machine.ts';
import type { TurnPlace } from '../../machines/turn-queue.ts';
import type { TrainingEvents } from '../../types/events.ts';
import type { RequestType, UntypedFuture } from '../../types/futures.ts';
import type { RequestOptions } from '../../types/options.ts';
import { DeferredFuture, type ApiFuture } from '../api-future.ts';
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
    const { api, config } = this.#runtime;
    const { method, width, submit, requestType, decode, finish } = call;
    return new ApiTurn({
      method,
      width,
      future,
      submit: (place, signal) => submit(place, { ...sending, signal }),
      retrieve: async (requestIds, signal) => {
        const poll = (request_id: string): Promise<Raw> =>
          pollFuture(api, {
            request_id,
            request_type: requestType,
            decode,
            signal,
            billingPauseMs: config.billing_exception_max_pause_duration_sec * 1000,
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
