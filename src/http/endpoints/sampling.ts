import { toJsonInteger } from '../../core/lossless-json.ts';
import { untypedFutureSchema, type UntypedFuture } from '../../types/futures.ts';
import type { RequestOptions } from '../../types/options.ts';
import {
  createSamplingSessionResponseSchema,
  getSamplerResponseSchema,
  type CreateSamplingSessionRequest,
  type GetSamplerResponse,
  type SampleInput,
} from '../../types/sampling.ts';
import { pathSegment, type ApiClient } from '../api-client.ts';
import { encodePrompt } from '../encode.ts';

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

export function getSampler(api: ApiClient, samplerId: string, options?: RequestOptions): Promise<GetSamplerResponse> {
  return api.json({ method: 'GET', path: `/samplers/${pathSegment(samplerId)}` }, getSamplerResponseSchema, options);
}

/** Submits one sample. Sent again in an outage or on 429, with the same `seq_id`, so the server draws it once. */
export function submitSample(
  api: ApiClient,
  request: SampleInput & { sampling_session_id: string; seq_id: number },
  options?: RequestOptions,
): Promise<UntypedFuture> {
  const { prompt, num_samples = 1, sampling_params = {}, prompt_logprobs = false, sampling_session_id, seq_id } = request;
  const json = {
    num_samples,
    prompt: encodePrompt(prompt),
    sampling_params: encodeSamplingParams(sampling_params),
    sampling_session_id,
    seq_id,
    prompt_logprobs,
    topk_prompt_logprobs: 0,
    type: 'sample',
  };
  const headers = { 'x-tinker-sampling-backpressure': '1' };
  return api.json({ method: 'POST', path: '/asample', json, headers }, untypedFutureSchema, options);
}

/** `stop` goes as an array, which every server takes; a seed beyond 2^53 as the digits of its bigint. */
function encodeSamplingParams(params: NonNullable<SampleInput['sampling_params']>): object {
  const { stop, seed, ...rest } = params;
  return {
    ...rest,
    ...(stop == null ? {} : { stop: typeof stop === 'string' ? [stop] : stop }),
    ...(seed == null ? {} : { seed: toJsonInteger(seed) }),
  };
}
