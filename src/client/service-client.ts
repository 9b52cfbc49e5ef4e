import { compileConnection } from '../core/config.ts';
import { withDeadline } from '../core/deadline.ts';
import { Emitter } from '../core/emitter.ts';
import { readEnvironment, type Environment } from '../core/env.ts';
import { ClientClosedError, InternalError } from '../core/errors.ts';
import { ApiClient } from '../http/api-client.ts';
import { getServerCapabilities } from '../http/endpoints/service.ts';
import { createTransport, type Transport } from '../http/transport.ts';
import { createLife } from '../machines/actor-life.ts';
import type { ClientLife, CloseOptions } from '../types/client-life.ts';
import { reach } from '../machines/bridge.ts';
import { serviceMachine } from '../machines/service.machine.ts';
import { startActor } from '../machines/start-actor.ts';
import type { OwnServiceEvents, ServiceEvents } from '../types/events.ts';
import type { RequestOptions } from '../types/options.ts';
import type { ServerCapabilities } from '../types/service.ts';
import type { FinishReason } from '../types/sessions.ts';
import { ClientFactory } from './client-factory.ts';
import {
  checkSamplingInput,
  toLoraOrigin,
  toStateOrigin,
  type FromStateInput,
  type LoraTrainingClientInput,
  type SamplingClientInput,
} from './create-model.ts';
import { DownloadManager } from './downloads/download-manager.ts';
import { EventedClient } from './evented-client.ts';
import { createLimits } from './limits.ts';
import { createArchiveResolver, createServicePorts } from './ports.ts';
import { relay } from './relay.ts';
import type { RestClient } from './rest-client.ts';
import { SequenceCounters, type ServiceRuntime } from './runtime.ts';
import type { SamplingClient } from './sampling-client.ts';
import { checkServiceOptions, toSessionRequest, type ServiceOptions } from './service-options.ts';
import { publicHub, Tokenizers } from './tokenizers.ts';
import type { TrainingClient } from './training-client.ts';
import { WireFormat } from './training/wire-format.ts';

export interface ServiceCloseOptions extends CloseOptions {
  /** How the session is told to have ended; `success` by default. */
  status?: FinishReason | undefined;
  detail?: string | undefined;
}

interface ServiceParts {
  runtime: ServiceRuntime;
  factory: ClientFactory;
  emitter: Emitter<ServiceEvents>;
  /** Closes the actor with an ending of the session. */
  toLife(ending: { status: FinishReason; detail: string | null }): ClientLife;
  downloadConcurrency: number | undefined;
}

/**
 * The way in: one server, one key, one session, and the clients that live in it. The session is made with the first
 * training or sampling client; REST needs none.
 */
export class ServiceClient extends EventedClient<ServiceEvents> {
  readonly #runtime: ServiceRuntime;
  readonly #factory: ClientFactory;
  readonly #parts: ServiceParts;
  #downloads: DownloadManager | undefined;
  #closed: Promise<void> | undefined;

  private constructor(parts: ServiceParts) {
    super(parts.emitter, parts.toLife({ status: 'success', detail: null }));
    this.#runtime = parts.runtime;
    this.#factory = parts.factory;
    this.#parts = parts;
  }

  /**
   * Asks the server for its flags and resolves when it has answered. Throws for a wrong option or a missing key at once,
   * and ApiError or ConnectionError when the server cannot be used.
   */
  static async connect(options: ServiceOptions = {}, callOptions: RequestOptions = {}): Promise<ServiceClient> {
    checkServiceOptions(options);
    const environment = readEnvironment();
    const connection = compileConnection(options, environment);
    const { clock, logger } = connection;
    const transport = createTransport({ proxy: environment.proxy, ca: options.ca });
    const emitter = new Emitter<ServiceEvents>(logger, { replay: ['status.changed'] });
    emitter.emit('status.changed', { status: 'connecting' });
    const api = new ApiClient(connection, transport, (what, { attempt, delayMs, error }) =>
      emitter.emit('retry.scheduled', { what, attempt, delayMs, reason: error.message }),
    );
    const ports = createServicePorts(api, toSessionRequest(options, environment), callOptions);
    const actor = startActor(serviceMachine, { input: { ports }, clock, logger });
    relay<OwnServiceEvents>(actor, emitter);
    try {
      const { context } = await withDeadline('connecting', callOptions, clock, (signal) =>
        reach(actor, (snapshot) => snapshot.hasTag('accepting'), { signal }),
      );
      if (context.config === undefined) throw new InternalError('the service accepts work without its configuration');
      const runtime: ServiceRuntime = {
        api,
        transport,
        config: context.config,
        wireFormat: new WireFormat(options.wireFormat ?? 'auto'),
        ...createLimits(connection, context.config, emitter),
        emitter,
        counters: new SequenceCounters(),
        tokenizers: createTokenizers(transport, connection.baseUrl, options, environment),
      };
      const factory = new ClientFactory(actor, runtime);
      const toLife: ServiceParts['toLife'] = (ending) => createLife(actor, { ending });
      const { downloadConcurrency } = options;
      return new ServiceClient({ runtime, factory, emitter, toLife, downloadConcurrency });
    } catch (error) {
      actor.stop();
      transport.close();
      throw error;
    }
  }

  /** Which models the server offers. */
  getServerCapabilities(options?: RequestOptions): Promise<ServerCapabilities> {
    return getServerCapabilities(this.#runtime.api, options);
  }

  /** A new LoRA adapter to train; resolves when the model exists. */
  async createLoraTrainingClient(input: LoraTrainingClientInput, options: RequestOptions = {}): Promise<TrainingClient> {
    return this.#factory.training(toLoraOrigin(input, this.#runtime.counters.nextModelSeqId()), options);
  }

  /** A new model with the weights of a saved state; with its optimizer too when `optimizer` is true. */
  async createTrainingClientFromState(input: FromStateInput, options: RequestOptions = {}): Promise<TrainingClient> {
    return this.#factory.training(toStateOrigin(input, this.#runtime.counters.nextModelSeqId()), options);
  }

  /** A sampler for a base model or for saved weights. */
  async createSamplingClient(input: SamplingClientInput, options: RequestOptions = {}): Promise<SamplingClient> {
    checkSamplingInput(input);
    return this.#factory.samplingFrom(input, options);
  }

  createRestClient(options: RequestOptions = {}): Promise<RestClient> {
    return this.#factory.rest(options);
  }

  /** Downloads of checkpoints, several at once; made when it is first used. */
  get downloads(): DownloadManager {
    if (this.#closed !== undefined && this.#downloads === undefined) {
      throw new ClientClosedError('the service is closed and downloads nothing');
    }
    const { api } = this.#runtime;
    const { clock, random, logger } = api.connection;
    const { downloadConcurrency: concurrency } = this.#parts;
    this.#downloads ??= DownloadManager.create({ resolveArchive: createArchiveResolver(api), clock, random, logger, concurrency });
    return this.#downloads;
  }

  /** Cancels downloads, closes every client, lets their work finish within `deadlineMs` (30 s), and finishes the session. */
  override close({ status = 'success', detail, deadlineMs }: ServiceCloseOptions = {}): Promise<void> {
    this.#closed ??= (async () => {
      await Promise.all([
        this.#downloads?.close(),
        this.#parts.toLife({ status, detail: detail ?? null }).close({ deadlineMs }),
      ]);
      this.#runtime.gate.close();
      this.#runtime.transport.close();
      this.#parts.emitter.end();
    })();
    return this.#closed;
  }
}

function createTokenizers(
  transport: Transport,
  baseUrl: string,
  options: ServiceOptions,
  environment: Environment,
): Tokenizers {
  const hub = options.hubEndpoint ?? environment.hubEndpoint;
  const hubs = [...(hub === undefined ? [] : [hub.replace(/\/+$/, '')]), baseUrl, publicHub];
  return new Tokenizers({ transport, hubs, requestTimeoutMs: options.requestTimeoutMs ?? 60_000 });
}
