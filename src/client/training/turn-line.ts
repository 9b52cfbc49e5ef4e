import { checkOptionNames } from '../../core/config.ts';
import { ClientClosedError, TinkerError } from '../../core/errors.ts';
import type { Emitter } from '../../core/emitter.ts';
import { attributed } from '../../core/sdk-method.ts';
import { SpanLaps } from '../../core/tracing.ts';
import { toError } from '../../core/thrown.ts';
import type { ClientLife } from '../../types/client-life.ts';
import type { TrainingRef } from '../../machines/client-request.ts';
import type { TurnPlace } from '../../machines/turn-queue.ts';
import type { TrainingEvents } from '../../types/events.ts';
import type { RequestType, UntypedFuture } from '../../types/futures.ts';
import { requestOptionNames, type RequestOptions } from '../../types/options.ts';
import { DeferredFuture, type ApiFuture } from '../api-future.ts';
import type { BillingPause } from '../billing-pause.ts';
import { pollFuture, type PollRequest } from '../poll-future.ts';
import type { ServiceRuntime } from '../runtime.ts';
import { ApiTurn, type Submission } from './api-turn.ts';
import { hasTakenId, OpenIds } from './open-ids.ts';

/** What a submission in several steps has at hand. */
export interface Steps {
  /** Aborts when the caller gives the call up, or the client ends. */
  signal: AbortSignal;
  /** The results of requests that the server has accepted, in their order. */
  retrieve<Raw>(
    requestIds: readonly string[],
    requestType: RequestType,
    decode: PollRequest<Raw>['decode'],
  ): Promise<Raw[]>;
}

/** A call as the public methods describe it. */
export interface Call<Raw, Value> {
  method: string;
  /** How many sequence ids it takes: the number of its requests. */
  width: number;
  submit: (place: TurnPlace, options: RequestOptions, steps: Steps) => Promise<Submission>;
  requestType: RequestType;
  /** How to read the result of each request. */
  decode: PollRequest<Raw>['decode'];
  /** The caller's value from the results of all requests, in order. */
  finish: (results: Raw[]) => Value | Promise<Value>;
}

type SubmitAtOnce = (place: TurnPlace, options: RequestOptions) => Promise<Submission>;

/** Puts calls into the line of one training client, and gives each its future. */
export class TurnLine {
  readonly #runtime: ServiceRuntime;
  readonly #actor: TrainingRef;
  readonly #life: ClientLife;
  readonly #emitter: Emitter<TrainingEvents>;
  readonly #openIds: OpenIds;

  constructor(parts: {
    runtime: ServiceRuntime;
    actor: TrainingRef;
    life: ClientLife;
    emitter: Emitter<TrainingEvents>;
  }) {
    this.#runtime = parts.runtime;
    this.#actor = parts.actor;
    this.#life = parts.life;
    this.#emitter = parts.emitter;
    this.#openIds = new OpenIds(parts.runtime);
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
      future.reject(this.#life.failure ?? new ClientClosedError(`${method}: this training client is closed`));
      return future;
    }
    try {
      checkOptionNames(`${method} options`, options, requestOptionNames);
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
    const { startSpan, reportFailure, api } = this.#runtime;
    const { method, width, submit, requestType, decode, finish } = call;
    const laps = new SpanLaps(startSpan(`TrainingClient.${method}`), api.connection.clock);
    const { headers } = attributed(`TrainingClient.${method}`, {
      headers: { ...laps.headers, ...sending.headers },
    });
    const toSteps = (signal: AbortSignal): Steps => ({
      signal,
      retrieve: (requestIds, request_type, read) =>
        Promise.all(
          requestIds.map((request_id) =>
            pollFuture(this.#runtime, {
              request_id,
              request_type,
              decode: read,
              signal,
              headers,
              onPoll: (iteration) => laps.notePoll(iteration),
              onQueueChanged: (change) => {
                future.noteQueue(change);
                this.#emitter.emit('queue.changed', change);
              },
            }),
          ),
        ),
    });
    return new ApiTurn({
      method,
      width,
      future,
      laps,
      onFailure: (error) => reportFailure(error, `TrainingClient.${method}`),
      submit: (place, signal, untilDetached) =>
        this.#submit((at, options) => submit(at, options, toSteps(untilDetached)), place, {
          ...sending,
          headers,
          signal,
        }),
      retrieve: async (requestIds, signal) =>
        finish(await toSteps(signal).retrieve(requestIds, requestType, decode)),
    });
  }

  /** Sends a call, after the ids that earlier ones have left open: the server would not begin it before them. */
  async #submit(
    submit: SubmitAtOnce,
    place: TurnPlace,
    options: RequestOptions & { signal: AbortSignal },
  ): Promise<Submission> {
    const { billing } = this.#runtime;
    const { signal } = options;
    try {
      await this.#openIds.fill(place.model_id, { signal });
    } catch (error) {
      if (billing.pausesFor(error)) return { kind: 'paused', isPartlySent: false };
      return { kind: 'refused', error: toError(error), takenCount: 0, openIds: [] };
    }
    const submission = await submit(place, options);
    if (submission.kind !== 'refused') return submission;
    this.#openIds.add(submission.openIds);
    const isAway = TinkerError.isInstance(submission.error) && submission.error.category === 'network';
    // What was accepted of the call need not wait for the next one, where the server answers at all.
    if (!isAway) await this.#openIds.fill(place.model_id, { signal, retry: false }).catch(() => undefined);
    return submission;
  }
}

/** The submission of a call that is one request; `explain` may add to what its error says. */
export function submitOne(
  billing: BillingPause,
  post: (place: TurnPlace, options: RequestOptions) => Promise<UntypedFuture>,
  explain: (error: Error) => Error = (error) => error,
): SubmitAtOnce {
  return async (place, options) => {
    try {
      const { request_id } = await post(place, options);
      return { kind: 'accepted', requestIds: [request_id] };
    } catch (error) {
      if (billing.pausesFor(error)) return { kind: 'paused', isPartlySent: false };
      return {
        kind: 'refused',
        error: explain(toError(error)),
        takenCount: 1,
        openIds: hasTakenId(error) ? [] : [place.seq_id],
      };
    }
  };
}
