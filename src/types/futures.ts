import { z } from 'zod';

/** The immediate answer of every long operation: ask `retrieve_future` for its result. */
export const untypedFutureSchema = z.object({
  request_id: z.string(),
  model_id: z.string().nullish(),
  sample_sequence_ids: z.array(z.string()).nullish(),
});
export type UntypedFuture = z.output<typeof untypedFutureSchema>;

export const retrieveFutureRequestSchema = z.object({
  request_id: z.string(),
  allow_metadata_only: z.boolean().default(false),
});

/** What the server's queue does with a request that waits; other words count as unknown. */
export const queueStates = ['active', 'paused_capacity', 'paused_rate_limit'] as const;
export type QueueState = (typeof queueStates)[number] | 'unknown';

/** Whose fault a failed operation is, in the server's words; anything else counts as unknown. */
export const failureCategories = ['user', 'server', 'unknown'] as const;
export type FailureCategory = (typeof failureCategories)[number];

/** The kinds of operation, as the `X-Tinker-Request-Type` header names them. */
export type RequestType =
  | 'CreateModel'
  | 'LoadWeights'
  | 'ForwardBackward'
  | 'Forward'
  | 'OptimStep'
  | 'SaveWeights'
  | 'SaveWeightsForSampler'
  | 'SaveWeightsExternal'
  | 'Sample'
  | 'CreateCustomLoss';
