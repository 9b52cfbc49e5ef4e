import { z } from 'zod';

const tensorSchema = z.object({
  data: z.array(z.unknown()),
  dtype: z.enum(['float32', 'int64']),
  shape: z.array(z.int()).nullish(),
});

/** The JSON form of a forward_backward result, as older servers give it (wire-protocol 13.2). */
export const forwardBackwardOutputJsonSchema = z.object({
  loss_fn_output_type: z.string().default('ArrayRecord'),
  loss_fn_outputs: z.array(z.record(z.string(), tensorSchema)),
  metrics: z.record(z.string(), z.number()).default({}),
});

/** Pairs of token id and log-probability at each place; null where that is not defined. */
const topkSchema = z.array(z.array(z.tuple([z.int(), z.number()])).nullable()).nullish();

const resultTensorSchema = tensorSchema.extend({
  sparse_crow_indices: z.array(z.int()).nullish(),
  sparse_col_indices: z.array(z.int()).nullish(),
});

/** The JSON form of a sample result. */
export const sampleResponseJsonSchema = z.object({
  sequences: z.array(
    z.object({
      stop_reason: z.enum(['stop', 'length']),
      tokens: z.array(z.int()),
      logprobs: z.array(z.number()).nullish(),
      topk_logprobs: topkSchema,
    }),
  ),
  prompt_logprobs: z.array(z.number().nullable()).nullish(),
  topk_prompt_logprobs: topkSchema,
  target_prompt_logprobs: resultTensorSchema.nullish(),
  prompt_alt_tokens: z.object({ tokens: resultTensorSchema, logprobs: resultTensorSchema }).nullish(),
  prompt_cache_hit_tokens: z.int().default(0),
});
