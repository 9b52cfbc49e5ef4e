import type {
  BillingUsageEvent,
  BillingUsageResponse,
  CheckpointStorageUsageResponse,
} from '../types/administration.ts';
import type { Checkpoint } from '../types/checkpoints.ts';
import type { TrainingRun } from '../types/runs.ts';

/** Things as the official program prints them in JSON: every field, null where the server left it out. */

export function wholeCheckpoint(checkpoint: Checkpoint) {
  return {
    checkpoint_id: checkpoint.checkpoint_id,
    checkpoint_type: checkpoint.checkpoint_type,
    time: checkpoint.time,
    tinker_path: checkpoint.tinker_path,
    size_bytes: checkpoint.size_bytes ?? null,
    public: checkpoint.public,
    user_metadata: checkpoint.user_metadata ?? null,
    expires_at: checkpoint.expires_at ?? null,
    base_model: checkpoint.base_model ?? null,
  };
}

export function wholeRun(run: TrainingRun) {
  const { last_checkpoint: last, last_sampler_checkpoint: lastSampler } = run;
  return {
    training_run_id: run.training_run_id,
    base_model: run.base_model,
    model_owner: run.model_owner,
    is_lora: run.is_lora,
    corrupted: run.corrupted,
    lora_rank: run.lora_rank ?? null,
    last_request_time: run.last_request_time,
    last_checkpoint: last == null ? null : wholeCheckpoint(last),
    last_sampler_checkpoint: lastSampler == null ? null : wholeCheckpoint(lastSampler),
    user_metadata: run.user_metadata ?? null,
  };
}

export function wholeUsage({ data, sessions, cost_data_through }: BillingUsageResponse) {
  const wholeSessions = Object.entries(sessions).map(([id, session]) => [
    id,
    { user_metadata: session.user_metadata ?? null },
  ]);
  return {
    data: data.map(wholeUsageEvent),
    sessions: Object.fromEntries(wholeSessions),
    cost_data_through: cost_data_through ?? null,
  };
}

export function wholeUsageEvent(event: BillingUsageEvent) {
  return {
    bucket_start: event.bucket_start,
    bucket_end: event.bucket_end,
    base_model: event.base_model ?? null,
    user_id: event.user_id ?? null,
    user_name: event.user_name ?? null,
    session_id: event.session_id ?? null,
    project_id: event.project_id ?? null,
    estimated_cost_usd: event.estimated_cost_usd ?? null,
    effective_rate_usd_per_million_tokens: event.effective_rate_usd_per_million_tokens ?? null,
    effective_rate_usd_per_gigabyte_month: event.effective_rate_usd_per_gigabyte_month ?? null,
    event_info: event.event_info,
  };
}

export function wholeStorage(usage: CheckpointStorageUsageResponse) {
  return {
    effective_rate_usd_per_gigabyte_month: usage.effective_rate_usd_per_gigabyte_month ?? null,
    data: usage.data.map((row) => ({
      project_id: row.project_id ?? null,
      org_user_urn: row.org_user_urn ?? null,
      user_email: row.user_email ?? null,
      user_name: row.user_name ?? null,
      checkpoint_count: row.checkpoint_count,
      size_bytes: row.size_bytes,
      size_gigabytes: row.size_gigabytes,
      estimated_monthly_cost_usd: row.estimated_monthly_cost_usd ?? null,
    })),
  };
}
