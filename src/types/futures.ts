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

export const cancelFutureRequestSchema = z.object({ request_id: z.string() });

/** What of a sampler's requests has finished: those of one copy of its client (wire-protocol 2.38). */
export const retrieveFuturesRequestSchema = z.object({
  target: z.object({
    type: z.literal('sampling_session'),
    sampling_session_id: z.string(),
    /** The block of sequence ids that the copy numbers its samples in; 0 is the first client's. */
    cloned_sampler_id: z.int().min(0).default(0),
  }),
  /** Of the answer before; 0 asks from the start. */
  prev_cursor: z.int().min(0).default(0),
  /** Seconds to hold the request; the server's choice by default. */
  timeout: z.number().min(0).nullish(),
  /** Whose results have arrived: the server may delete them. */
  retrieved_request_ids: z.array(z.string()).default([]),
});
export type RetrieveFuturesRequest = z.input<typeof retrieveFuturesRequestSchema>;

const completionSchema = z.object({
  state: z.enum(['finished', 'failed']),
  request_id: z.string(),
  response_payload_uncompressed_size: z.int().nullish(),
});
export type Completion = z.output<typeof completionSchema>;

export const retrieveFuturesResponseSchema = z.object({
  completions: z.array(completionSchema),
  cursor: z.int(),
});

/** Samples of a sampler are numbered in blocks of so many, one for each copy of its client. */
export const seqIdBlock = 1_000_000_000;

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
