import { ApiError } from '../core/api-errors.ts';
import { InvalidArgumentError, InvalidResponseError } from '../core/errors.ts';
import { defaultRetries } from '../core/retry-policy.ts';
import { getWeightsInfo } from '../http/endpoints/weights.ts';
import { exchangeToken } from '../http/endpoints/service.ts';
import { createModel, getInfo, loadWeights } from '../http/endpoints/training.ts';
import type { CreatedModel } from '../machines/ports.ts';
import type { QueueChanged } from '../types/events.ts';
import type { RequestType, UntypedFuture } from '../types/futures.ts';
import type { RequestOptions } from '../types/options.ts';
import { createModelResponseSchema, type CreateModelRequest } from '../types/training.ts';
import {
  loadWeightsResponseSchema,
  type LoadWeightsRequest,
  type WeightsInfoResponse,
} from '../types/weights.ts';
import { pollFuture, type PollRequest } from './poll-future.ts';
import { jsonResult } from './results.ts';
import type { ServiceRuntime } from './runtime.ts';

export type NewModel = Omit<CreateModelRequest, 'session_id'>;
export type LoadedModel = Omit<LoadWeightsRequest, 'session_id'> & { model_seq_id: number };

/** Where a training client's model comes from. */
export type ModelOrigin = { kind: 'create'; request: NewModel } | { kind: 'load'; request: LoadedModel };

export interface ModelMaking {
  runtime: ServiceRuntime;
  sessionId: string;
  origin: ModelOrigin;
  /** How its requests are sent; the signal is that of the making. */
  sending: RequestOptions;
  onQueueChanged: (change: QueueChanged) => void;
}

/**
 * Creates the model, or has one created from a saved state, and asks for its facts. A state is loaded in one request that
 * names the session. Servers that only load into models they have get a new model first: their flag says so, or they refuse
 * that request for want of a model_id (wire-protocol 2.15, 13.3).
 */
export async function makeModel(making: ModelMaking, signal: AbortSignal): Promise<CreatedModel> {
  const maker = new ModelMaker(making, signal);
  const { origin, runtime } = making;
  if (origin.kind === 'create') return maker.create(origin.request);
  if (runtime.config.create_model_via_load_weights === false) return maker.createThenLoad(origin.request);
  try {
    return await maker.createByLoading(origin.request);
  } catch (error) {
    if (!wantsModelId(error)) throw error;
    runtime.api.connection.logger.info(
      'this server loads states only into models it has: creating the model first',
    );
    return maker.createThenLoad(origin.request);
  }
}

class ModelMaker {
  readonly #making: ModelMaking;
  readonly #signal: AbortSignal;
  readonly #sending: RequestOptions;

  constructor(making: ModelMaking, signal: AbortSignal) {
    this.#making = making;
    this.#signal = signal;
    // One key must not stand for two requests: the caller's is for the one that makes the model.
    this.#sending = { ...making.sending, timeoutMs: undefined, idempotencyKey: undefined, signal };
  }

  async create(request: NewModel): Promise<CreatedModel> {
    return this.#describe(await this.#create(request, this.#making.sending.idempotencyKey), 1);
  }

  /** The client names the model by its session and number; the answer need not repeat the name. */
  async createByLoading(request: LoadedModel): Promise<CreatedModel> {
    const { runtime, sessionId: session_id, sending } = this.#making;
    const options = { ...this.#sending, idempotencyKey: sending.idempotencyKey };
    const accepted = await loadWeights(runtime.api, { ...request, session_id }, options);
    await this.#retrieve(accepted, 'LoadWeights', loadResult);
    return this.#describe(`${session_id}:train:${request.model_seq_id}`, 1);
  }

  /** As clients before 0.38 do: a model of the same shape, into which the state is loaded by its first request. */
  async createThenLoad(request: LoadedModel): Promise<CreatedModel> {
    const { runtime, sending } = this.#making;
    const { model_seq_id, path, optimizer, weights_access_token, user_metadata } = request;
    const shape = toModelShape(await this.#askWeightsInfo(path, weights_access_token), request);
    // The key itself may have gone with the request that was refused.
    const key = sending.idempotencyKey === undefined ? undefined : `${sending.idempotencyKey}-model`;
    const model_id = await this.#create({ model_seq_id, user_metadata, ...shape }, key);
    const load = { model_id, seq_id: 1, path, optimizer, weights_access_token };
    await this.#retrieve(await loadWeights(runtime.api, load, this.#sending), 'LoadWeights', loadResult);
    return this.#describe(model_id, 2);
  }

  async #create(request: NewModel, idempotencyKey: string | undefined): Promise<string> {
    const { runtime, sessionId: session_id } = this.#making;
    const options = { ...this.#sending, idempotencyKey };
    const accepted = await createModel(runtime.api, { ...request, session_id }, options);
    const { model_id } = await this.#retrieve(accepted, 'CreateModel', createResult);
    return model_id;
  }

  async #describe(modelId: string, nextSeqId: number): Promise<CreatedModel> {
    return { info: await getInfo(this.#making.runtime.api, modelId, this.#sending), nextSeqId };
  }

  /** Another account's weights are looked up with its own credential (wire-protocol 13.5). */
  async #askWeightsInfo(path: string, token: string | null | undefined): Promise<WeightsInfoResponse> {
    const { api, config } = this.#making.runtime;
    if (token == null) return getWeightsInfo(api, path, this.#sending);
    const credential = config.pjwt_auth_enabled
      ? await exchangeToken(api, token, defaultRetries, this.#sending)
      : token;
    return getWeightsInfo(api, path, this.#sending, credential);
  }

  #retrieve<Value>(
    { request_id }: UntypedFuture,
    request_type: RequestType,
    decode: PollRequest<Value>['decode'],
  ): Promise<Value> {
    const { runtime, onQueueChanged, sending } = this.#making;
    const { headers } = sending;
    const request = { request_id, request_type, decode, onQueueChanged, headers, signal: this.#signal };
    return pollFuture(runtime, request);
  }
}

const createResult = jsonResult('create_model', createModelResponseSchema);
const loadResult = jsonResult('load_weights', loadWeightsResponseSchema);

/** The server did not know session addressing: it misses the field `model_id`. */
function wantsModelId(error: unknown): boolean {
  if (!(error instanceof ApiError) || (error.status !== 400 && error.status !== 422)) return false;
  const { body } = error;
  const detail = typeof body === 'object' && body !== null && 'detail' in body ? body.detail : body;
  if (!Array.isArray(detail)) return typeof detail === 'string' && /\bmodel_id\b/.test(detail);
  return detail.some((item: { loc?: unknown } | null) => {
    const location = item?.loc;
    return Array.isArray(location) && location.includes('model_id');
  });
}

/** A model that the state fits: what the state leaves out is trained. */
function toModelShape(
  { base_model, is_lora, lora_rank, optimizer_config, ...parts }: WeightsInfoResponse,
  request: LoadedModel,
): Pick<CreateModelRequest, 'base_model' | 'lora_config' | 'optimizer_config'> {
  if (!is_lora) {
    throw new InvalidArgumentError(`${request.path} is no LoRA adapter, and only those can be trained on`);
  }
  if (lora_rank == null)
    throw new InvalidResponseError(`the server does not tell the rank of ${request.path}`);
  return {
    base_model: request.base_model ?? base_model,
    lora_config: {
      rank: lora_rank,
      train_unembed: parts.train_unembed ?? true,
      train_mlp: parts.train_mlp ?? true,
      train_attn: parts.train_attn ?? true,
    },
    optimizer_config: request.optimizer ? optimizer_config : (request.optimizer_config ?? { type: 'adamw' }),
  };
}
