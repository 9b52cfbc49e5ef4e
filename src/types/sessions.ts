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

/** What a session can be searched by; what is absent does not matter. `display_name` and `session_id` match either one. */
export const searchSessionsRequestSchema = z.object({
  session_id: z.string().nullish(),
  project_ids: z.array(z.string()).nullish(),
  user_metadata: z.record(z.string(), z.string()).default({}),
  display_name: z.string().min(1).nullish(),
  owner: z
    .discriminatedUnion('type', [
      z.object({ type: z.literal('own') }),
      z.object({ type: z.literal('accessible') }),
      z.object({ type: z.literal('user'), owner_urns: z.array(z.string()).min(1).max(10) }),
    ])
    .default({ type: 'own' }),
  statuses: z
    .array(
      z.discriminatedUnion('type', [
        z.object({ type: z.literal('active') }),
        z.object({ type: z.literal('cancelled') }),
        z.object({ type: z.literal('failed') }),
        z.object({
          type: z.literal('client_finished'),
          reasons: z.array(z.enum(finishReasons)).min(1).nullish(),
        }),
      ]),
    )
    .min(1)
    .nullish(),
  limit: z.int().min(1).max(200).default(50),
  cursor: z.object({ last_created_at: z.string(), last_session_id: z.string() }).nullish(),
});

export const assignProjectRequestSchema = z.object({ project_id: z.string().nullish() });

export const listSessionsResponseSchema = z.object({ sessions: z.array(z.string()) });

export const getSessionResponseSchema = z.object({
  training_run_ids: z.array(z.string()),
  sampler_ids: z.array(z.string()),
  user_metadata: z.record(z.string(), z.string()).nullish(),
  display_name: z.string().nullish(),
});
export type GetSessionResponse = z.output<typeof getSessionResponseSchema>;

/** A trace that is being exported; `url` comes with `ready`, `error` with `failed`. */
export const traceExportResponseSchema = z.object({
  status: z.enum(['pending', 'ready', 'failed']),
  url: z.string().nullish(),
  error: z.string().nullish(),
});
export type TraceExportResponse = z.output<typeof traceExportResponseSchema>;
