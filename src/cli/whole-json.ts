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
