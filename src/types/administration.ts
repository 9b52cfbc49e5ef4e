import { z } from 'zod';

export const auditEventTypes = ['all', 'checkpoints', 'projects', 'teams', 'organizations'] as const;
export type AuditEventType = (typeof auditEventTypes)[number];

/** `event` is `<resource>_<action>`, `event_details` who did it and to what. The three others are their older form. */
export const auditLogEntrySchema = z.object({
  timestamp: z.string(),
  event: z.string(),
  event_details: z.record(z.string(), z.unknown()).default({}),
  model_id: z.string().nullish(),
  tinker_path: z.string().nullish(),
  purpose: z.string().nullish(),
});
export type AuditLogEntry = z.output<typeof auditLogEntrySchema>;

export const auditLogResponseSchema = z.object({ entries: z.array(auditLogEntrySchema) });
export type AuditLogResponse = z.output<typeof auditLogResponseSchema>;

/** What was used: tokens, checkpoint operations or storage, as `type` says. */
const usageKindSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('training'), token_count: z.int() }),
  z.object({ type: z.literal('sampling_prefill'), cached: z.boolean(), token_count: z.int() }),
  z.object({ type: z.literal('sampling_sample'), token_count: z.int() }),
  z.object({ type: z.literal('checkpoint'), count: z.int() }),
  z.object({ type: z.literal('storage'), free: z.boolean().default(false), gigabyte_hours: z.number() }),
]);

/** One kind of usage within one hour (UTC). Costs are gross estimates in dollars, null while a row is not priced. */
export const billingUsageEventSchema = z.object({
  bucket_start: z.string(),
  bucket_end: z.string(),
  base_model: z.string().nullish(),
  user_id: z.string().nullish(),
  user_name: z.string().nullish(),
  session_id: z.string().nullish(),
  project_id: z.string().nullish(),
  estimated_cost_usd: z.number().nullish(),
  effective_rate_usd_per_million_tokens: z.number().nullish(),
  effective_rate_usd_per_gigabyte_month: z.number().nullish(),
  event_info: usageKindSchema,
});
export type BillingUsageEvent = z.output<typeof billingUsageEventSchema>;

/** `sessions` holds the metadata of each session in `data`; days before `cost_data_through` are priced from invoices. */
export const billingUsageResponseSchema = z.object({
  data: z.array(billingUsageEventSchema),
  sessions: z
    .record(z.string(), z.object({ user_metadata: z.record(z.string(), z.string()).nullish() }))
    .default({}),
  cost_data_through: z.string().nullish(),
});
export type BillingUsageResponse = z.output<typeof billingUsageResponseSchema>;

const storageUsageSchema = z.object({
  project_id: z.string().nullish(),
  org_user_urn: z.string().nullish(),
  user_email: z.string().nullish(),
  user_name: z.string().nullish(),
  checkpoint_count: z.int(),
  size_bytes: z.int(),
  size_gigabytes: z.number(),
  estimated_monthly_cost_usd: z.number().nullish(),
});

/** Checkpoints that are kept now, by project and owner, and what a month of 720 hours would cost at today's rate. */
export const checkpointStorageUsageResponseSchema = z.object({
  effective_rate_usd_per_gigabyte_month: z.number().nullish(),
  data: z.array(storageUsageSchema),
});
export type CheckpointStorageUsageResponse = z.output<typeof checkpointStorageUsageResponseSchema>;
