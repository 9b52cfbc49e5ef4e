import { ClientClosedError } from '../core/errors.ts';
import { attributed } from '../core/sdk-method.ts';
import { getServerCapabilities } from '../http/endpoints/service.ts';
import type { CloseOptions } from '../types/client-life.ts';
import type { ServiceEvents } from '../types/events.ts';
import type { RequestOptions } from '../types/options.ts';
import type { ServerCapabilities } from '../types/service.ts';
import type { FinishReason } from '../types/sessions.ts';
import type { CopyWeightsResponse } from '../types/weights.ts';
import type { AdminClient } from './admin-client.ts';
import type { ClientFactory } from './client-factory.ts';
import { connectService, type ServiceParts } from './connect-service.ts';
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
import { createSources } from './downloads/sources/choose-source.ts';
import type { RestClient } from './rest-client.ts';
import type { CopyWeightsInput } from './rest/inputs.ts';
import type { ServiceRuntime } from './runtime.ts';
import type { SamplingClient } from './sampling-client.ts';
import type { ServiceOptions } from './service-options.ts';
import type { TrainingClient } from './training-client.ts';

export interface ServiceCloseOptions extends CloseOptions {
  /** How the session is told to have ended; `success` by default. */
  status?: FinishReason | undefined;
  detail?: string | undefined;
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
  readonly #ending = new AbortController();
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
  static async connect(
    options: ServiceOptions = {},
    callOptions: RequestOptions = {},
  ): Promise<ServiceClient> {
    return new ServiceClient(await connectService(options, callOptions));
  }

  /** Which models the server offers. */
  getServerCapabilities(options: RequestOptions = {}): Promise<ServerCapabilities> {
    return getServerCapabilities(
      this.#runtime.api.boundTo(this.#ending.signal),
      attributed('ServiceClient.getServerCapabilities', options),
    );
  }

  /** A new LoRA adapter to train; resolves when the model exists. */
  async createLoraTrainingClient(
    input: LoraTrainingClientInput,
    options: RequestOptions = {},
  ): Promise<TrainingClient> {
    const origin = toLoraOrigin(input, this.#runtime.counters.nextModelSeqId());
    return this.#factory.training(origin, attributed('ServiceClient.createLoraTrainingClient', options));
  }

  /**
   * A new model with the weights of a saved state; with its optimizer's moments too when `optimizer` is true. Rank and trained
   * parts are those of the state.
   */
  async createTrainingClientFromState(
    input: FromStateInput,
    options: RequestOptions = {},
  ): Promise<TrainingClient> {
    const origin = toStateOrigin(input, this.#runtime.counters.nextModelSeqId());
    return this.#factory.training(origin, attributed('ServiceClient.createTrainingClientFromState', options));
  }

  /** A sampler for a base model or for saved weights, or another process's sampler by its handle. */
  async createSamplingClient(
    input: SamplingClientInput,
    options: RequestOptions = {},
  ): Promise<SamplingClient> {
    checkSamplingInput(input);
    const { handle, ...source } = input;
    const creating = attributed('ServiceClient.createSamplingClient', options);
    return handle === undefined
      ? this.#factory.samplingFrom(source, creating)
      : this.#factory.samplingFromHandle(handle, creating);
  }

  /** A client for what the server keeps; creates no session. */
  createRestClient(options: RequestOptions = {}): Promise<RestClient> {
    return this.#factory.rest(options);
  }

  /** A client for what administrators of an organization may ask; creates no session. */
  createAdminClient(options: RequestOptions = {}): Promise<AdminClient> {
    return this.#factory.admin(options);
  }

  /** Copies a checkpoint of any kind into this service's project; see `RestClient.copyWeights`. */
  async copyWeights(
    tinkerPath: string,
    input: CopyWeightsInput = {},
    options: RequestOptions = {},
  ): Promise<CopyWeightsResponse> {
    await using rest = await this.#factory.rest({ signal: options.signal });
    return await rest.copyWeights(tinkerPath, input, attributed('ServiceClient.copyWeights', options));
  }

  /** Downloads of checkpoints, several at once; made when it is first used. */
  get downloads(): DownloadManager {
    if (this.#closed !== undefined && this.#downloads === undefined) {
      throw new ClientClosedError('the service is closed and downloads nothing');
    }
    const { api } = this.#runtime;
    const { clock, random, logger } = api.connection;
    const { downloadConcurrency: concurrency, network } = this.#parts;
    this.#downloads ??= DownloadManager.create({
      openSource: createSources({
        api,
        openState: (path, signal) =>
          this.createTrainingClientFromState(
            { path, user_metadata: { created_by: 'tinker-ts download' } },
            { signal },
          ),
      }),
      clock,
      random,
      logger,
      concurrency,
      network,
      forward: (name, payload) => this.#parts.emitter.emit(name, payload as never),
    });
    return this.#downloads;
  }

  /** Cancels downloads, closes every client, lets their work finish within `deadlineMs` (30 s), and finishes the session. */
  override close({ status = 'success', detail, deadlineMs }: ServiceCloseOptions = {}): Promise<void> {
    this.#closed ??= (async () => {
      await Promise.all([
        this.#downloads?.close(),
        this.#parts.toLife({ status, detail: detail ?? null }).close({ deadlineMs }),
      ]);
      this.#ending.abort(new ClientClosedError('the service was closed before this call was answered'));
      this.#runtime.gate.close();
      await this.#parts.resources[Symbol.asyncDispose]();
    })();
    return this.#closed;
  }
}
