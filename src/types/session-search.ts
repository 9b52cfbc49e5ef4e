import { z } from 'zod';
import { finishReasons, type searchSessionsRequestSchema } from './sessions.ts';

/**
 * Sessions that fit everything that is given: the caller's own unless `owner` says otherwise, `user_metadata` pair by pair,
 * every word of `display_name` in any case, any of `statuses`. `cursor` is `next_cursor` of an earlier answer.
 */
export type SessionSearchInput = z.input<typeof searchSessionsRequestSchema>;

const failureReasonSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('request'), request_id: z.string(), request_type: z.string() }),
  z.object({ type: z.literal('training_run'), training_run_id: z.string() }),
  z.object({ type: z.literal('sampling_session'), sampling_session_id: z.string() }),
]);

const sessionStatusSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('active') }),
  z.object({ type: z.literal('cancelled'), detail: z.string().nullish() }),
  z.object({
    type: z.literal('client_finished'),
    reason: z.object({ type: z.enum(finishReasons) }),
    detail: z.string().nullish(),
  }),
  z.object({
    type: z.literal('failed'),
    category: z.enum(['user', 'internal']),
    reason: failureReasonSchema,
    message: z.string(),
  }),
]);

/** `status` is null for a session that has neither ended nor is known to run. */
export const sessionSummarySchema = z.object({
  session_id: z.string(),
  created_at: z.string(),
  owner: z.string(),
  project_id: z.string(),
  status: sessionStatusSchema.nullish(),
  checkpoints_count: z.int(),
  display_name: z.string().nullish(),
  user_metadata: z.record(z.string(), z.string()).nullish(),
  checkpoint_storage_bytes: z.int().nullish(),
});
export type SessionSummary = z.output<typeof sessionSummarySchema>;

export const sessionSearchResponseSchema = z.object({
  sessions: z.array(sessionSummarySchema),
  next_cursor: z.object({ last_created_at: z.string(), last_session_id: z.string() }).nullish(),
});
export type SessionSearchResponse = z.output<typeof sessionSearchResponseSchema>;
