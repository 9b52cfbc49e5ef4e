import type { TinkerPath } from '../../core/tinker-path.ts';
import {
  externalWeightsUrlsResponseSchema,
  type ExternalWeightsUrlsResponse,
} from '../../types/checkpoints.ts';
import type { RequestOptions } from '../../types/options.ts';
import {
  copyWeightsResponseSchema,
  externalWeightsUploadStartResponseSchema,
  weightsInfoResponseSchema,
  type CopyWeightsRequest,
  type CopyWeightsResponse,
  type ExternalWeightsUploadInput,
  type ExternalWeightsUploadStartResponse,
  type WeightsInfoResponse,
} from '../../types/weights.ts';
import type { ApiClient } from '../api-client.ts';
import { checkpointPath } from './checkpoints.ts';

/** What the checkpoint holds. `credential`: in place of the client's own, for another account's weights. */
export function getWeightsInfo(
  api: ApiClient,
  tinker_path: string,
  options?: RequestOptions,
  credential?: string,
): Promise<WeightsInfoResponse> {
  const request = { method: 'POST', path: '/weights_info', json: { tinker_path }, credential } as const;
  return api.json(request, weightsInfoResponseSchema, options);
}

/** The token of another account travels in a header of its own, and nowhere else (wire-protocol 1.7). */
export function copyWeights(
  api: ApiClient,
  { source_path, destination_project_id, ttl_seconds }: CopyWeightsRequest,
  weightsAccessToken: string | undefined,
  options?: RequestOptions,
): Promise<CopyWeightsResponse> {
  const json = { destination_project_id, source_path, ttl_seconds };
  const token =
    weightsAccessToken === undefined
      ? {}
      : {
          headers: { 'x-tinker-weights-access-token': weightsAccessToken },
          secrets: [weightsAccessToken],
        };
  return api.json(
    { method: 'POST', path: '/copy_weights', json, ...token },
    copyWeightsResponseSchema,
    options,
  );
}

export function getExternalWeightsUrls(
  api: ApiClient,
  path: TinkerPath,
  options?: RequestOptions,
): Promise<ExternalWeightsUrlsResponse> {
  const request = { method: 'GET', path: `${checkpointPath(path)}/external_weights_urls` } as const;
  return api.json(request, externalWeightsUrlsResponseSchema, options);
}

export function startExternalWeightsUpload(
  api: ApiClient,
  { base_model, lora_config, destination_project_id }: ExternalWeightsUploadInput,
  options?: RequestOptions,
): Promise<ExternalWeightsUploadStartResponse> {
  const json = { base_model, lora_config, destination_project_id };
  const request = { method: 'POST', path: '/external_weights_upload_start', json } as const;
  return api.json(request, externalWeightsUploadStartResponseSchema, options);
}

export function finishExternalWeightsUpload(
  api: ApiClient,
  upload_id: string,
  options?: RequestOptions,
): Promise<CopyWeightsResponse> {
  const request = { method: 'POST', path: '/external_weights_upload_finish', json: { upload_id } } as const;
  return api.json(request, copyWeightsResponseSchema, options);
}
