import { z } from 'zod';
import { modelInputSchema, type ModelInput } from './model-input.ts';

/** A 63-bit counter or seed: a bigint where a double would round it. */
const bigInteger = z.union([z.int(), z.bigint()]);

/**
 * `stop` absent keeps the implicit stop at end of sequence; an empty list never stops before `max_tokens`.
 * `top_k` -1 means no limit. The wire ignores misspelt names; the SDK refuses them.
 */
export const samplingParamsSchema = z.object({
  max_tokens: z.int().min(1).nullish(),
  seed: bigInteger.nullish(),
  stop: z.union([z.string(), z.array(z.string()), z.array(z.int())]).nullish(),
  temperature: z.number().min(0).default(1),
  top_k: z.int().min(-1).default(-1),
  top_p: z.number().min(0).max(1).default(1),
});
export type SamplingParams = z.input<typeof samplingParamsSchema>;

export const createSamplingSessionRequestSchema = z.object({
  session_id: z.string(),
  sampling_session_seq_id: z.int().min(0),
  base_model: z.string().nullish(),
  model_path: z.string().nullish(),
  type: z.literal('create_sampling_session').default('create_sampling_session'),
});
export type CreateSamplingSessionRequest = z.input<typeof createSamplingSessionRequestSchema>;

export const createSamplingSessionResponseSchema = z.object({ sampling_session_id: z.string() });

export const getSamplerResponseSchema = z.object({
  sampler_id: z.string(),
  base_model: z.string(),
  model_path: z.string().nullish(),
});
export type GetSamplerResponse = z.output<typeof getSamplerResponseSchema>;

/** The body of `asample`, as JSON carries it. */
export const sampleRequestSchema = z.object({
  num_samples: z.int().min(1).default(1),
  prompt: modelInputSchema,
  sampling_params: samplingParamsSchema,
  base_model: z.string().nullish(),
  model_path: z.string().nullish(),
  sampling_session_id: z.string().nullish(),
  seq_id: bigInteger.nullish(),
  prompt_logprobs: z.boolean().nullish(),
  topk_prompt_logprobs: z.int().min(0).default(0),
  topk_sample_logprobs: z.int().min(0).default(0),
  target_prompt_logprobs: z.unknown().optional(),
  prompt_alt_tokens_k: z.int().min(0).default(0),
  prompt_logprobs_last_n: z.int().min(1).nullish(),
  record_stability_info: z.boolean().default(false),
  type: z.literal('sample').default('sample'),
});

/** What a user asks of `SamplingClient.sample`. */
export interface SampleInput {
  prompt: ModelInput;
  num_samples?: number | undefined;
  sampling_params?: SamplingParams | undefined;
  prompt_logprobs?: boolean | undefined;
}

/** One completion. `logprobs` belong to `tokens`, one each; `sequence_id` is null where the server gives none. */
export interface SampledSequence {
  sequence_id: string | null;
  stop_reason: 'stop' | 'length';
  tokens: Int32Array;
  logprobs: Float32Array | null;
}

/** `prompt_logprobs` has one value per prompt token; NaN where undefined (the first token). */
export interface SampleResponse {
  sequences: SampledSequence[];
  prompt_logprobs: Float32Array | null;
  prompt_cache_hit_tokens: number;
}
