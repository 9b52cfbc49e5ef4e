import { checkOptionNames } from '../core/config.ts';
import type { Emitter } from '../core/emitter.ts';
import { attributed } from '../core/sdk-method.ts';
import { optimStep } from '../http/endpoints/training.ts';
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
import type {
  LoadWeightsResponse,
  SaveWeightsExternalResponse,
  SaveWeightsResponse,
} from '../types/weights.ts';
import type { ApiFuture } from './api-future.ts';
import type { SamplerSource } from './create-model.ts';
import { EventedClient } from './evented-client.ts';
import { jsonResult } from './results.ts';
import type { ServiceRuntime } from './runtime.ts';
import type { SamplingClient } from './sampling-client.ts';
import { toTokenizerId, type Tokenizer } from './tokenizers.ts';
import { checkCustom, checkForwardBackward } from './training/check-data.ts';
import { withDoubt } from './training/doubt.ts';
import { forwardCall, toChunksOf } from './training/forward-call.ts';
import { customCall } from './training/submit-custom.ts';
import { checkOptimParams } from './training/optimizer.ts';
import {
  ephemeralSaveCall,
  loadStateCall,
  saveExternalCall,
  saveForSamplerCall,
  saveStateCall,
} from './training/state-calls.ts';
import type {
  EphemeralSamplerInput,
  LoadStateInput,
  SaveExternalInput,
  SaveForSamplerInput,
  SaveStateInput,
} from './training/state-inputs.ts';
import { submitOne, TurnLine, type Call } from './training/turn-line.ts';
import { checkUploadedLossData, LossUploads, toLossChoice } from './training/uploaded-loss.ts';

/** How a training client gets its samplers: the service that owns both makes them. */
export interface SamplerFactory {
  fromPath(source: SamplerSource, options?: RequestOptions): Promise<SamplingClient>;
  fromSession(
    samplingSessionId: string,
    baseModel: string | null,
    options?: RequestOptions,
  ): Promise<SamplingClient>;
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

  /** Saves weights and optimizer under a name, to continue from later. */
  saveState(input: SaveStateInput, options: RequestOptions = {}): ApiFuture<SaveWeightsResponse> {
    return this.#save('saveState', options, () => saveStateCall(this.#runtime, input));
  }

  /** Saves weights to sample from under a name, without the optimizer. */
  saveWeightsForSampler(
    input: SaveForSamplerInput,
    options: RequestOptions = {},
  ): ApiFuture<SaveWeightsResponse> {
    return this.#save('saveWeightsForSampler', options, () => saveForSamplerCall(this.#runtime, input));
  }

  /**
   * Saves weights as a set of files that other programs read, a PEFT adapter: `RestClient.getExternalWeightsUrls` gives a link
   * for each.
   */
  saveWeightsExternal(
    input: SaveExternalInput,
    options: RequestOptions = {},
  ): ApiFuture<SaveWeightsExternalResponse> {
    return this.#save('saveWeightsExternal', options, () => saveExternalCall(this.#runtime, input));
  }

  /** The weights as they are at this place in the order, as a sampler; no checkpoint is listed for it. */
  saveWeightsAndGetSamplingClient(
    input: EphemeralSamplerInput = {},
    options: RequestOptions = {},
  ): ApiFuture<SamplingClient> {
    const method = 'saveWeightsAndGetSamplingClient';
    return this.#line.enqueue<{ sampling_session_id?: string | null | undefined }, SamplingClient>(
      method,
      options,
      () => {
        const { finish, ...call } = ephemeralSaveCall(this.#runtime, input);
        return {
          ...call,
          finish: async (results) =>
            this.#samplers.fromSession(
              await finish(results),
              this.info.model_data.model_name ?? null,
              attributed(`TrainingClient.${method}`, {}),
            ),
        };
      },
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
  createSamplingClient(
    input: SamplerSource & { model_path: string },
    options: RequestOptions = {},
  ): Promise<SamplingClient> {
    checkOptionNames('createSamplingClient', input, ['model_path', 'record_stability_info']);
    return this.#samplers.fromPath(input, attributed('TrainingClient.createSamplingClient', options));
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
    return this.#line.enqueue<LoadWeightsResponse, LoadWeightsResponse>(method, options, () =>
      loadStateCall(this.#runtime, method, optimizer, input),
    );
  }

  #save<Raw, Saved extends SaveWeightsResponse>(
    method: string,
    options: RequestOptions,
    prepare: () => Omit<Call<Raw, Saved>, 'method'>,
  ): ApiFuture<Saved> {
    return this.#line.enqueue<Raw, Saved>(method, options, () => {
      const { finish, ...call } = prepare();
      return {
        ...call,
        finish: async (results) => {
          const saved = await finish(results);
          this.#emitter.emit('checkpoint.saved', { path: saved.path });
          return saved;
        },
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
}
