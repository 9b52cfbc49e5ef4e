import { Emitter } from '../core/emitter.ts';
import { createLife, signalOfEnd } from '../machines/actor-life.ts';
import { spawnClient, type ServiceRef } from '../machines/spawn-client.ts';
import type {
  ClientEvents,
  ClientKind,
  QueueChanged,
  SamplingEvents,
  TrainingEvents,
} from '../types/events.ts';
import type { RequestOptions } from '../types/options.ts';
import { InternalError } from '../core/errors.ts';
import type { ApiClient } from '../http/api-client.ts';
import type { ClientLife } from '../types/client-life.ts';
import type { AdminClient } from './admin-client.ts';
import type { ModelOrigin } from './make-model.ts';
import { makeSampler, type SamplerOrigin } from './make-sampler.ts';
import { toOutcome } from './ports.ts';
import type { SamplerSource } from './create-model.ts';
import { relay } from './relay.ts';
import type { RestClient } from './rest-client.ts';
import type { ServiceRuntime } from './runtime.ts';
import { keepAlive } from './sampling/heartbeat.ts';
import { InFlight } from './sampling/in-flight.ts';
import { decodeHandle } from './sampling/sampler-handle.ts';
import type { SamplingClient } from './sampling-client.ts';
import type { TrainingClient } from './training-client.ts';
import { withDeadline } from '../core/deadline.ts';

/**
 * Makes the clients of one service: an actor spawned by the service's, and the facade around it. The code of a kind of client
 * is loaded with the first of it: a program that lists runs needs no tensors.
 */
export class ClientFactory {
  readonly #service: ServiceRef;
  readonly #runtime: ServiceRuntime;
  #nextId = 1;

  constructor(service: ServiceRef, runtime: ServiceRuntime) {
    this.#service = service;
    this.#runtime = runtime;
  }

  /** Resolves when the model exists and the server has told its facts. */
  async training(origin: ModelOrigin, options: RequestOptions): Promise<TrainingClient> {
    const [{ makeModel }, { TrainingClient }] = await Promise.all([
      import('./make-model.ts'),
      import('./training-client.ts'),
    ]);
    const id = this.#toId('training');
    const emitter = this.#createEmitter<TrainingEvents>(id);
    let session_id = '';
    const actor = await this.#within('creating a training client', options, (signal) =>
      spawnClient(
        this.#service,
        {
          kind: 'training',
          id,
          toPorts: (sessionId) => {
            session_id = sessionId;
            const making = {
              runtime: this.#runtime,
              sessionId,
              origin,
              sending: options,
              onQueueChanged: (change: QueueChanged) => emitter.emit('queue.changed', change),
            };
            return { createModel: (signal) => toOutcome(makeModel(making, signal)) };
          },
        },
        signal,
      ),
    );
    relay<TrainingEvents>(actor, emitter);
    const { info } = actor.getSnapshot().context;
    if (info === undefined)
      throw new InternalError('the training client accepts work without knowing its model');
    return TrainingClient.create({
      info,
      session_id,
      runtime: this.#runtime,
      actor,
      life: createLife(actor),
      emitter,
      samplers: {
        fromPath: (source, samplerOptions = {}) => this.samplingFrom(source, samplerOptions),
        fromSession: (sampling_session_id, base_model, samplerOptions = {}) =>
          this.sampling({ kind: 'existing', sampler: { sampling_session_id, base_model } }, samplerOptions),
      },
    });
  }

  samplingFrom(
    { record_stability_info = false, ...source }: SamplerSource,
    options: RequestOptions,
  ): Promise<SamplingClient> {
    const sampling_session_seq_id = this.#runtime.counters.nextSamplingSessionSeqId();
    const origin = { kind: 'create', sampling_session_seq_id, ...source } as const;
    return this.sampling(origin, options, record_stability_info);
  }

  /** Another client of a sampler that another process has made. */
  samplingFromHandle(text: string, options: RequestOptions): Promise<SamplingClient> {
    const { session_id, sampling_session_id, base_model, record_stability_info } = decodeHandle(text);
    const sampler = { sampling_session_id, base_model: base_model ?? null };
    return this.sampling(
      { kind: 'existing', sampler, sessionId: session_id },
      options,
      record_stability_info,
    );
  }

  async sampling(
    origin: SamplerOrigin,
    options: RequestOptions,
    record_stability_info = false,
  ): Promise<SamplingClient> {
    const { SamplingClient } = await import('./sampling-client.ts');
    const { api } = this.#runtime;
    const id = this.#toId('sampling');
    const inFlight = new InFlight(api.connection.clock);
    const ending = new AbortController();
    let session_id = '';
    const actor = await this.#within('creating a sampling client', options, (signal) =>
      spawnClient(
        this.#service,
        {
          kind: 'sampling',
          id,
          sessionId: origin.kind === 'existing' ? origin.sessionId : undefined,
          toPorts: (sessionId) => {
            session_id = sessionId;
            return {
              createSampler: (signal) =>
                toOutcome(makeSampler(api, sessionId, origin, { ...options, timeoutMs: undefined, signal })),
              whenIdle: (closing) => inFlight.whenIdle(closing),
              abort: (error) => {
                inFlight.abort(error);
                ending.abort(error);
              },
            };
          },
        },
        signal,
      ),
    );
    const { sampler } = actor.getSnapshot().context;
    if (sampler === undefined) throw new InternalError('the sampling client accepts work without a sampler');
    const emitter = this.#createEmitter<SamplingEvents>(id);
    const isCopy = origin.kind === 'existing' && origin.sessionId !== undefined;
    if (isCopy) void keepAlive(api, session_id, ending.signal);
    return SamplingClient.create({
      sampler,
      session_id,
      isCopy,
      record_stability_info,
      runtime: this.#runtime,
      life: createLife(actor),
      emitter,
      inFlight,
      ending: ending.signal,
    });
  }

  async rest(options: RequestOptions): Promise<RestClient> {
    const { RestClient } = await import('./rest-client.ts');
    const { authenticator, projectId } = this.#runtime;
    const parts = await this.#withoutSession('creating a REST client', 'the REST client', options);
    return RestClient.create({ ...parts, authenticator, projectId });
  }

  async admin(options: RequestOptions): Promise<AdminClient> {
    const { AdminClient } = await import('./admin-client.ts');
    const { api, life } = await this.#withoutSession('creating an admin client', 'the admin client', options);
    return AdminClient.create(api, life);
  }

  /** A client that lives beside the session: its requests end with it. */
  async #withoutSession(
    what: string,
    who: string,
    options: RequestOptions,
  ): Promise<{ api: ApiClient; life: ClientLife }> {
    const actor = await this.#within(what, options, (signal) =>
      spawnClient(this.#service, { kind: 'rest', id: this.#toId('rest') }, signal),
    );
    return { api: this.#runtime.api.boundTo(signalOfEnd(actor, who)), life: createLife(actor) };
  }

  /** What a client tells also goes into the stream of the service. */
  #createEmitter<Events extends TrainingEvents | SamplingEvents>(client: string): Emitter<Events> {
    const { api, emitter } = this.#runtime;
    return new Emitter<Events>(api.connection.logger, {
      forward: (name, payload) => emitter.emit(name as keyof ClientEvents, { ...payload, client } as never),
    });
  }

  #toId(kind: ClientKind): string {
    return `${kind}-${this.#nextId++}`;
  }

  async #within<Value>(
    what: string,
    options: RequestOptions,
    work: (signal: AbortSignal | undefined) => Promise<Value>,
  ): Promise<Value> {
    const { api, reportFailure } = this.#runtime;
    try {
      return await withDeadline(what, options, api.connection.clock, work);
    } catch (error) {
      if (options.signal?.aborted !== true) reportFailure(error, what);
      throw error;
    }
  }
}
