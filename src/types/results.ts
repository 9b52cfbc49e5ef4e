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

/** The JSON form of a sample result. */
export const sampleResponseJsonSchema = z.object({
  sequences: z.array(
    z.object({
      stop_reason: z.enum(['stop', 'length']),
      tokens: z.array(z.int()),
      logprobs: z.array(z.number()).nullish(),
    }),
  ),
  prompt_logprobs: z.array(z.number().nullable()).nullish(),
  prompt_cache_hit_tokens: z.int().default(0),
});
