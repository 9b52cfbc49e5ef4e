import { conflictIsFinal } from '../../core/retry-policy.ts';
import type { CreateCustomLossRequest } from '../../types/custom-loss.ts';
import { untypedFutureSchema, type UntypedFuture } from '../../types/futures.ts';
import type { RequestOptions } from '../../types/options.ts';
import {
  getInfoResponseSchema,
  type CreateModelRequest,
  type GetInfoResponse,
  type OptimParams,
} from '../../types/training.ts';
import type {
  LoadWeightsRequest,
  SaveWeightsExternalRequest,
  SaveWeightsForSamplerRequest,
  SaveWeightsRequest,
} from '../../types/weights.ts';
import type { ApiClient } from '../api-client.ts';

/** Each call is accepted at once and answered later: the result is fetched by `retrieveFuture`. */

export function createModel(
  api: ApiClient,
  request: CreateModelRequest,
  options?: RequestOptions,
): Promise<UntypedFuture> {
  const json = { ...request, type: 'create_model' };
  return api.json({ method: 'POST', path: '/create_model', json }, untypedFutureSchema, options);
}

export function loadWeights(
  api: ApiClient,
  request: LoadWeightsRequest,
  options?: RequestOptions,
): Promise<UntypedFuture> {
  const json = { ...request, type: 'load_weights' };
  const secrets = request.weights_access_token == null ? [] : [request.weights_access_token];
  return api.json({ method: 'POST', path: '/load_weights', json, secrets }, untypedFutureSchema, options);
}

/** The model is gone once its turn has come; nobody waits for the result. */
export async function unloadModel(api: ApiClient, model_id: string, options?: RequestOptions): Promise<void> {
  await api.send(
    { method: 'POST', path: '/unload_model', json: { model_id, type: 'unload_model' } },
    options,
  );
}

export function getInfo(
  api: ApiClient,
  model_id: string,
  options?: RequestOptions,
): Promise<GetInfoResponse> {
  const json = { model_id, type: 'get_info' };
  return api.json({ method: 'POST', path: '/get_info', json }, getInfoResponseSchema, options);
}

export function optimStep(
  api: ApiClient,
  request: { model_id: string; seq_id: number } & OptimParams,
  options?: RequestOptions,
): Promise<UntypedFuture> {
  const json = { ...request, type: 'optim_step' };
  return api.json({ method: 'POST', path: '/optim_step', json, hot: true }, untypedFutureSchema, options);
}

export function createCustomLoss(
  api: ApiClient,
  request: CreateCustomLossRequest,
  options?: RequestOptions,
): Promise<UntypedFuture> {
  const json = { ...request, type: 'create_custom_loss' };
  return api.json({ method: 'POST', path: '/create_custom_loss', json }, untypedFutureSchema, options);
}

/** `onUncertain`: see ApiRequest. A 409 to a save under a name is not asked again. */
export function saveWeights(
  api: ApiClient,
  request: SaveWeightsRequest,
  options?: RequestOptions,
  onUncertain?: () => void,
): Promise<UntypedFuture> {
  return submitSave(api, 'save_weights', request, options, onUncertain);
}

export function saveWeightsForSampler(
  api: ApiClient,
  request: SaveWeightsForSamplerRequest,
  options?: RequestOptions,
  onUncertain?: () => void,
): Promise<UntypedFuture> {
  return submitSave(api, 'save_weights_for_sampler', request, options, onUncertain);
}

export function saveWeightsExternal(
  api: ApiClient,
  request: SaveWeightsExternalRequest,
  options?: RequestOptions,
  onUncertain?: () => void,
): Promise<UntypedFuture> {
  return submitSave(api, 'save_weights_external', request, options, onUncertain);
}

function submitSave(
  api: ApiClient,
  type: string,
  request: SaveWeightsRequest | SaveWeightsForSamplerRequest | SaveWeightsExternalRequest,
  options?: RequestOptions,
  onUncertain?: () => void,
): Promise<UntypedFuture> {
  const retries = request.path == null ? undefined : conflictIsFinal;
  const json = { ...request, type };
  return api.json(
    { method: 'POST', path: `/${type}`, json, retries, onUncertain },
    untypedFutureSchema,
    options,
  );
}
