import { checkOptionNames } from '../core/config.ts';
import type { Emitter } from '../core/emitter.ts';
import { InvalidArgumentError, InvalidResponseError } from '../core/errors.ts';
import { attributed } from '../core/sdk-method.ts';
import { loadWeights, optimStep, saveWeights, saveWeightsForSampler } from '../http/endpoints/training.ts';
import type { ClientLife } from '../types/client-life.ts';
import type { TrainingRef } from '../machines/client-request.ts';
import type { TurnPlace } from '../machines/turn-queue.ts';
import type { TracedLoss, UploadedLoss } from '../types/custom-loss.ts';
import type { TrainingEvents } from '../types/events.ts';
import type { UntypedFuture } from '../types/futures.ts';
import type { RequestOptions } from '../types/options.ts';
import {
  optimStepResponseSchema,
  type ForwardBackwardCustomInput,
  type ForwardBackwardInput,
  type ForwardBackwardOutput,
  type GetInfoResponse,
  type OptimParamsInput,
  type OptimStepResponse,
} from '../types/training.ts';
import {
  loadWeightsResponseSchema,
  saveWeightsForSamplerResponseSchema,
  saveWeightsResponseSchema,
  type LoadWeightsResponse,
  type SaveWeightsResponse,
} from '../types/weights.ts';
import type { ApiFuture } from './api-future.ts';
import { checkStatePath } from './create-model.ts';
import { EventedClient } from './evented-client.ts';
import { jsonResult } from './results.ts';
import type { ServiceRuntime } from './runtime.ts';
import type { SamplingClient } from './sampling-client.ts';
import { toTokenizerId, type Tokenizer } from './tokenizers.ts';
import { checkCustom, checkForwardBackward } from './training/check-data.ts';
import { withDoubt } from './training/doubt.ts';
import { forwardCall, toChunksOf } from './training/forward-call.ts';
import { customCall } from './training/submit-custom.ts';
import { namedSave } from './training/named-save.ts';
import { checkOptimParams } from './training/optimizer.ts';
import { submitOne, TurnLine } from './training/turn-line.ts';
import { checkUploadedLossData, LossUploads, toLossChoice } from './training/uploaded-loss.ts';

export interface SaveStateInput {
  /** The checkpoint's name; it becomes the last part of its path. */
  name: string;
  /** Seconds until the server may delete it; never by default. */
  ttl_seconds?: number | undefined;
  /** Replace a checkpoint of the same name; otherwise that is a failure. */
  overwrite?: boolean | undefined;
  user_metadata?: Record<string, string> | undefined;
}

export type SaveForSamplerInput = Omit<SaveStateInput, 'overwrite'>;

export interface LoadStateInput {
  /** A training checkpoint of the same base model and rank: `tinker://run/weights/name`. */
  path: string;
  /** Credential of the account that owns the weights, when it is another. */
  weights_access_token?: string | undefined;
}

/** How a training client gets its samplers: the service that owns both makes them. */
export interface SamplerFactory {
  fromPath(modelPath: string, options?: RequestOptions): Promise<SamplingClient>;
  fromSession(samplingSessionId: string, baseModel: string | null): Promise<SamplingClient>;
}

/** @internal */
export interface TrainingClientParts {
  info: GetInfoResponse;
  /** Of the session that the model lives in. */
  session_id: string;
  runtime: ServiceRuntime;
  actor: TrainingRef;
  life: ClientLife;
  emitter: Emitter<TrainingEvents>;
  samplers: SamplerFactory;
}

/**
 * One model in training. Calls take effect in the order they are made, and take their place in it before they return: keep
 * the futures and await them later, and the server always has the next call at hand.
 */
export class TrainingClient extends EventedClient<TrainingEvents> {
  /** What the server says of the model, read when it was created. */
  readonly info: GetInfoResponse;
  readonly #runtime: ServiceRuntime;
  readonly #line: TurnLine;
  readonly #samplers: SamplerFactory;
  readonly #emitter: Emitter<TrainingEvents>;
  readonly #losses: LossUploads;

  /** @internal `ServiceClient` makes training clients. */
  static create(parts: TrainingClientParts): TrainingClient {
    return new TrainingClient(parts);
  }

  private constructor(parts: TrainingClientParts) {
    super(parts.emitter, parts.life);
    this.info = parts.info;
    this.#runtime = parts.runtime;
    this.#line = new TurnLine(parts);
    this.#samplers = parts.samplers;
    this.#emitter = parts.emitter;
    this.#losses = new LossUploads(parts);
  }

  get modelId(): string {
    return this.info.model_id;
  }

  /** Log-probabilities of the targets under the model, without gradients. */
  forward(input: ForwardBackwardInput, options: RequestOptions = {}): ApiFuture<ForwardBackwardOutput> {
    return this.#forwardBackward('forward', true, input, options);
  }

  /** The same with gradients, which add up on the server until `optimStep`. The loss is `metrics['loss:sum']`. */
  forwardBackward(
    input: ForwardBackwardInput,
    options: RequestOptions = {},
  ): ApiFuture<ForwardBackwardOutput> {
    return this.#forwardBackward('forwardBackward', false, input, options);
  }

  /**
   * forwardBackward for a loss of the caller's own: a forward pass gives `loss` the log-probabilities, and a backward pass
   * takes the gradient that it gives. Calls made after it wait, so an `optimStep` may follow at once. A loss that throws or
   * gives what is no gradient fails this call alone.
   */
  forwardBackwardCustom(
    input: ForwardBackwardCustomInput,
    options: RequestOptions = {},
  ): ApiFuture<ForwardBackwardOutput> {
    const method = 'forwardBackwardCustom';
    return this.#line.enqueue<ForwardBackwardOutput, ForwardBackwardOutput>(method, options, () => {
      checkOptionNames(method, input, ['data', 'loss']);
      const { data, loss } = input;
      if (typeof loss === 'function') {
        const chunks = toChunksOf(this.#runtime, checkCustom(data));
        return customCall(this.#runtime, { loss, given: data, chunks });
      }
      const checked = checkForwardBackward({ data, ...toLossChoice(loss) });
      checkUploadedLossData(loss, checked.data);
      return forwardCall(this.#runtime, checked, false);
    });
  }

  /**
   * Gives the server a loss that torch.fx has traced elsewhere, for all models of this service. Throws InvalidArgumentError
   * where the server takes none, or for what is no trace.
   */
  createCustomLoss(loss: TracedLoss, options: RequestOptions = {}): Promise<UploadedLoss> {
    return this.#losses.upload(loss, options);
  }

  /**
   * One optimizer step on the gradients so far. AdamW's defaults: learning_rate 1e-4, beta1 0.9, beta2 0.95, eps 1e-12, no
   * weight decay, no clipping. A model made with another optimizer takes that one's parameters, with their `type`.
   */
  optimStep(params: OptimParamsInput = {}, options: RequestOptions = {}): ApiFuture<OptimStepResponse> {
    return this.#line.enqueue<OptimStepResponse, OptimStepResponse>('optimStep', options, () => {
      const checked = checkOptimParams(params, this.info.optimizer_config);
      return {
        ...this.#request(
          (place, sending) => optimStep(this.#runtime.api, { ...place, ...checked }, sending),
          withDoubt,
        ),
        requestType: 'OptimStep',
        decode: jsonResult('optim_step', optimStepResponseSchema),
        finish: ([response]) => response ?? { metrics: null },
      };
    });
  }

  /** Saves weights and optimizer, to continue from later. */
  saveState(input: SaveStateInput, options: RequestOptions = {}): ApiFuture<SaveWeightsResponse> {
    return this.#line.enqueue<SaveWeightsResponse, SaveWeightsResponse>('saveState', options, () => {
      checkSave('saveState', input, ['name', 'ttl_seconds', 'overwrite', 'user_metadata']);
      const { name, ...rest } = input;
      const save = namedSave(this.#runtime, `weights/${name}`, (place, sending, onUncertain) =>
        saveWeights(this.#runtime.api, { ...place, ...rest, path: name }, sending, onUncertain),
      );
      return {
        ...save,
        requestType: 'SaveWeights',
        decode: jsonResult('save_weights', saveWeightsResponseSchema),
        finish: ([saved]) => this.#announceSave(save.toPath(saved?.path)),
      };
    });
  }

  /** Saves weights to sample from, without the optimizer. */
  saveWeightsForSampler(
    input: SaveForSamplerInput,
    options: RequestOptions = {},
  ): ApiFuture<SaveWeightsResponse> {
    return this.#line.enqueue<{ path?: string | null | undefined }, SaveWeightsResponse>(
      'saveWeightsForSampler',
      options,
      () => {
        checkSave('saveWeightsForSampler', input, ['name', 'ttl_seconds', 'user_metadata']);
        const { name, ...rest } = input;
        const save = namedSave(this.#runtime, `sampler_weights/${name}`, (place, sending, onUncertain) =>
          saveWeightsForSampler(this.#runtime.api, { ...place, ...rest, path: name }, sending, onUncertain),
        );
        return {
          ...save,
          requestType: 'SaveWeightsForSampler',
          decode: jsonResult('save_weights_for_sampler', saveWeightsForSamplerResponseSchema),
          finish: ([saved]) => this.#announceSave(save.toPath(saved?.path)),
        };
      },
    );
  }

  /** The weights as they are at this place in the order, as a sampler; no checkpoint is listed for it. */
  saveWeightsAndGetSamplingClient(options: RequestOptions = {}): ApiFuture<SamplingClient> {
    const { api, counters } = this.#runtime;
    return this.#line.enqueue<{ sampling_session_id?: string | null | undefined }, SamplingClient>(
      'saveWeightsAndGetSamplingClient',
      options,
      () => ({
        ...this.#request((place, sending) => {
          const sampling_session_seq_id = counters.nextSamplingSessionSeqId();
          return saveWeightsForSampler(api, { ...place, sampling_session_seq_id }, sending);
        }),
        requestType: 'SaveWeightsForSampler',
        decode: jsonResult('save_weights_for_sampler', saveWeightsForSamplerResponseSchema),
        finish: ([saved]) => {
          const id = saved?.sampling_session_id;
          if (!id) throw new InvalidResponseError('the save was answered without a sampling session');
          return this.#samplers.fromSession(id, this.info.model_data.model_name ?? null);
        },
      }),
    );
  }

  /**
   * Puts the weights of a saved state into this model at its place in the order, in place of its own; the optimizer begins
   * anew, and gradients that were not yet used are lost. Some servers allow it as a model's first call only:
   * `createTrainingClientFromState` works everywhere.
   */
  loadState(input: LoadStateInput, options: RequestOptions = {}): ApiFuture<LoadWeightsResponse> {
    return this.#load('loadState', false, input, options);
  }

  /** The same with the optimizer's moments as they were saved. */
  loadStateWithOptimizer(
    input: LoadStateInput,
    options: RequestOptions = {},
  ): ApiFuture<LoadWeightsResponse> {
    return this.#load('loadStateWithOptimizer', true, input, options);
  }

  /** A sampler for saved weights, in this client's session. */
  createSamplingClient(input: { model_path: string }, options: RequestOptions = {}): Promise<SamplingClient> {
    return this.#samplers.fromPath(
      input.model_path,
      attributed('TrainingClient.createSamplingClient', options),
    );
  }

  getTokenizer(): Promise<Tokenizer> {
    const { model_name, tokenizer_id } = this.info.model_data;
    return this.#runtime.tokenizers.get(
      toTokenizerId(model_name ?? this.info.model_name ?? '', tokenizer_id),
    );
  }

  #load(
    method: string,
    optimizer: boolean,
    input: LoadStateInput,
    options: RequestOptions,
  ): ApiFuture<LoadWeightsResponse> {
    return this.#line.enqueue<LoadWeightsResponse, LoadWeightsResponse>(method, options, () => {
      checkOptionNames(method, input, ['path', 'weights_access_token']);
      const { path, weights_access_token } = input;
      checkStatePath(path);
      const request = { path, optimizer, weights_access_token };
      return {
        ...this.#request((place, sending) =>
          loadWeights(this.#runtime.api, { ...place, ...request }, sending),
        ),
        requestType: 'LoadWeights',
        decode: jsonResult('load_weights', loadWeightsResponseSchema),
        finish: ([loaded]) => loaded ?? {},
      };
    });
  }

  #forwardBackward(
    method: string,
    forwardOnly: boolean,
    input: ForwardBackwardInput,
    options: RequestOptions,
  ): ApiFuture<ForwardBackwardOutput> {
    return this.#line.enqueue<ForwardBackwardOutput, ForwardBackwardOutput>(method, options, () =>
      forwardCall(this.#runtime, checkForwardBackward(input), forwardOnly),
    );
  }

  #request(
    post: (place: TurnPlace, sending: RequestOptions) => Promise<UntypedFuture>,
    explain?: (error: Error) => Error,
  ) {
    return { width: 1, submit: submitOne(this.#runtime.billing, post, explain) };
  }

  #announceSave(path: string | null | undefined): SaveWeightsResponse {
    if (!path) throw new InvalidResponseError('the save was answered without a path');
    this.#emitter.emit('checkpoint.saved', { path });
    return { path };
  }
}

function checkSave(method: string, input: SaveStateInput, allowed: readonly string[]): void {
  checkOptionNames(method, input, allowed);
  if (typeof input.name !== 'string' || input.name === '' || input.name.includes('/')) {
    throw new InvalidArgumentError(
      `${method}: name must be a checkpoint's name without slashes, and is ${JSON.stringify(input.name)}`,
    );
  }
}
