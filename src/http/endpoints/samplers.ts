import type { RequestOptions } from '../../types/options.ts';
import {
  createSamplingSessionResponseSchema,
  getSamplerResponseSchema,
  joinSamplingSessionResponseSchema,
  type CreateSamplingSessionRequest,
  type GetSamplerResponse,
} from '../../types/sampling.ts';
import { pathSegment } from '../addresses.ts';
import type { ApiClient } from '../api-client.ts';

export async function createSamplingSession(
  api: ApiClient,
  request: CreateSamplingSessionRequest,
  options?: RequestOptions,
): Promise<string> {
  const json = { ...request, type: 'create_sampling_session' };
  const path = '/create_sampling_session';
  const answer = await api.json({ method: 'POST', path, json }, createSamplingSessionResponseSchema, options);
  return answer.sampling_session_id;
}

/** The block of sequence ids of a copied client: its samples are numbered from so many times 10^9. */
export async function joinSamplingSession(
  api: ApiClient,
  sampling_session_id: string,
  options?: RequestOptions,
): Promise<number> {
  const json = { sampling_session_id, type: 'join_sampling_session' };
  const path = '/join_sampling_session';
  const answer = await api.json({ method: 'POST', path, json }, joinSamplingSessionResponseSchema, options);
  return answer.client_counter;
}

export function getSampler(
  api: ApiClient,
  samplerId: string,
  options?: RequestOptions,
): Promise<GetSamplerResponse> {
  return api.json(
    { method: 'GET', path: `/samplers/${pathSegment(samplerId)}` },
    getSamplerResponseSchema,
    options,
  );
}
