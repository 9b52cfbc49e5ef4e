import { toJsonInteger } from '../../core/lossless-json.ts';
import { InvalidResponseError } from '../../core/errors.ts';
import { AttemptFailure } from '../../core/retry.ts';
import { readRetryHints } from '../../core/retry-policy.ts';
import { untypedFutureSchema, type UntypedFuture } from '../../types/futures.ts';
import type { RequestOptions } from '../../types/options.ts';
import type { SampleInput } from '../../types/sampling.ts';
import type { ApiClient } from '../api-client.ts';
import { parseJson, toStatusError } from '../responses.ts';
import { encodePrompt, encodeTensorJson } from '../encode.ts';

/** The body of one sample; `toSampleBody` makes it once, however often it is sent. */
export interface SampleBody {
  num_samples: number;
  prompt: object;
  sampling_params: object;
  sampling_session_id: string;
  /** Beyond 2^53 as `toJsonInteger` gives it. */
  seq_id: number | object;
  prompt_logprobs: boolean;
  topk_prompt_logprobs: number;
  /** The rest goes only where it is asked for: older servers need not know it. */
  topk_sample_logprobs?: number;
  target_prompt_logprobs?: object;
  prompt_alt_tokens_k?: number;
  prompt_logprobs_last_n?: number;
  record_stability_info?: boolean;
}

export function toSampleBody(
  input: SampleInput,
  sampling_session_id: string,
  record_stability_info = false,
): Omit<SampleBody, 'seq_id'> {
  const { prompt, num_samples = 1, sampling_params = {}, prompt_logprobs = false } = input;
  const { topk_sample_logprobs, target_prompt_logprobs, prompt_alt_tokens_k, prompt_logprobs_last_n } = input;
  const body: Omit<SampleBody, 'seq_id'> = {
    num_samples,
    prompt: encodePrompt(prompt),
    sampling_params: encodeSamplingParams(sampling_params),
    sampling_session_id,
    prompt_logprobs,
    topk_prompt_logprobs: input.topk_prompt_logprobs ?? 0,
  };
  if (topk_sample_logprobs) body.topk_sample_logprobs = topk_sample_logprobs;
  if (target_prompt_logprobs !== undefined)
    body.target_prompt_logprobs = encodeTensorJson(target_prompt_logprobs, 'target_prompt_logprobs');
  if (prompt_alt_tokens_k) body.prompt_alt_tokens_k = prompt_alt_tokens_k;
  if (prompt_logprobs_last_n !== undefined) body.prompt_logprobs_last_n = prompt_logprobs_last_n;
  if (record_stability_info) body.record_stability_info = true;
  return body;
}

const backpressure = { 'x-tinker-sampling-backpressure': '1' };

/**
 * Submits one sample, once: what happens on 429 and on failures is the sample loop's to decide. A status other than 2xx is
 * an AttemptFailure, so that the server's word about trying again is not lost.
 */
export async function submitSample(
  api: ApiClient,
  body: SampleBody,
  options: RequestOptions,
): Promise<UntypedFuture | AttemptFailure> {
  const json = { ...body, type: 'sample' };
  const response = await api.exchange(
    { method: 'POST', path: '/asample', json, headers: backpressure, hot: true },
    options,
  );
  if (response.status < 200 || response.status >= 300) {
    const hints = readRetryHints(response.headers, api.connection.clock.now());
    return new AttemptFailure(toStatusError('POST /api/v1/asample', response), hints);
  }
  const parsed = untypedFutureSchema.safeParse(parseJson(response.body));
  if (parsed.success) return parsed.data;
  throw new InvalidResponseError(
    `POST /api/v1/asample answered something unexpected: ${parsed.error.message}`,
  );
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
