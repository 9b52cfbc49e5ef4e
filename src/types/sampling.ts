import { z } from 'zod';
import { modelInputSchema, type ModelInput } from './model-input.ts';
import type { TensorData, TensorInput } from './tensor.ts';

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

/** A copy of a client asks for its block of sequence ids before its first sample (wire-protocol 2.40). */
export const joinSamplingSessionRequestSchema = z.object({
  sampling_session_id: z.string(),
  type: z.literal('join_sampling_session').default('join_sampling_session'),
});

export const joinSamplingSessionResponseSchema = z.object({ client_counter: z.int().min(1) });

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
  target_prompt_logprobs: z
    .object({
      dtype: z.string(),
      data: z.array(z.unknown()),
      shape: z.array(z.int()).nullish(),
      sparse_crow_indices: z.array(z.unknown()).nullish(),
      sparse_col_indices: z.array(z.unknown()).nullish(),
    })
    .nullish(),
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
  /** Also gives the log-probability of each prompt token. */
  prompt_logprobs?: boolean | undefined;
  /** Only of the last so many prompt tokens, 1 to one less than the prompt has; needs `prompt_logprobs`. */
  prompt_logprobs_last_n?: number | undefined;
  /** Also gives the so many likeliest tokens at each place of the prompt; 0 by default. */
  topk_prompt_logprobs?: number | undefined;
  /** The same at each sampled token; 0 by default. */
  topk_sample_logprobs?: number | undefined;
  /** int64 `[prompt tokens - 1, K]`, dense or sparse: row i names tokens to score at prompt place i + 1; -1 names none. */
  target_prompt_logprobs?: TensorInput | undefined;
  /** Also draws so many other tokens, at the request's temperature, at each place of the prompt after the first. */
  prompt_alt_tokens_k?: number | undefined;
}

/**
 * The likeliest tokens of each place, row-major `[length, k]`. Cells without a token hold the id 0 and `noLogprob`; a row
 * that is not defined (the first of a prompt) holds nothing else. `topkRow` reads one.
 */
export interface TopkLogprobs {
  token_ids: Int32Array;
  logprobs: Float32Array;
  k: number;
  length: number;
}

/** What stands for the log-probability of a cell without a token (wire-protocol 4.3). */
export const noLogprob = -99_999;

/** One completion. `logprobs` belong to `tokens`, one each; `sequence_id` is null where the server gives none. */
export interface SampledSequence {
  sequence_id: string | null;
  stop_reason: 'stop' | 'length';
  tokens: Int32Array;
  logprobs: Float32Array | null;
  topk_logprobs: TopkLogprobs | null;
}

/** Tokens int64 and their log-probabilities float32, each `[prompt tokens - 1, k]`. */
export interface PromptAltTokens {
  tokens: Extract<TensorData, { dtype: 'int64' }>;
  logprobs: Extract<TensorData, { dtype: 'float32' }>;
}

/**
 * `prompt_logprobs` has one value per prompt token; NaN where undefined (the first token). `target_prompt_logprobs` is laid
 * out as the tensor that asked for it. What was not asked for is null.
 */
export interface SampleResponse {
  sequences: SampledSequence[];
  prompt_logprobs: Float32Array | null;
  topk_prompt_logprobs: TopkLogprobs | null;
  target_prompt_logprobs: Extract<TensorData, { dtype: 'float32' }> | null;
  prompt_alt_tokens: PromptAltTokens | null;
  prompt_cache_hit_tokens: number;
}
