import { z } from 'zod';

export const createSessionRequestSchema = z.object({
  tags: z.array(z.string()).default([]),
  user_metadata: z.record(z.string(), z.unknown()).nullish(),
  sdk_version: z.string().nullish(),
  project_id: z.string().nullish(),
  display_name: z.string().nullish(),
  type: z.literal('create_session').default('create_session'),
});
export type CreateSessionRequest = z.input<typeof createSessionRequestSchema>;

/** The three messages are for the user's log, each at its level; `error_message` does not fail the call. */
export const createSessionResponseSchema = z.object({
  session_id: z.string(),
  info_message: z.string().nullish(),
  warning_message: z.string().nullish(),
  error_message: z.string().nullish(),
});
export type CreateSessionResponse = z.output<typeof createSessionResponseSchema>;

export const sessionHeartbeatRequestSchema = z.object({ session_id: z.string() });

export const finishReasons = ['success', 'errored', 'interrupted'] as const;
export type FinishReason = (typeof finishReasons)[number];

export const finishSessionRequestSchema = z.object({
  reason: z.object({ type: z.enum(finishReasons) }),
  detail: z.string().nullish(),
});

export const listSessionsResponseSchema = z.object({ sessions: z.array(z.string()) });

export const getSessionResponseSchema = z.object({
  training_run_ids: z.array(z.string()),
  sampler_ids: z.array(z.string()),
  user_metadata: z.record(z.string(), z.string()).nullish(),
  display_name: z.string().nullish(),
});
export type GetSessionResponse = z.output<typeof getSessionResponseSchema>;
