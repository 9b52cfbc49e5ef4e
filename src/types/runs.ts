import { z } from 'zod';
import { checkpointSchema, cursorSchema } from './checkpoints.ts';

/** A model may be made with any JSON as metadata: what is no text is told as JSON, and spoils no list. */
const metadataValue = z
  .unknown()
  .transform((value): string => (typeof value === 'string' ? value : JSON.stringify(value)));

export const trainingRunSchema = z.object({
  training_run_id: z.string(),
  base_model: z.string(),
  model_owner: z.string(),
  is_lora: z.boolean(),
  corrupted: z.boolean().default(false),
  lora_rank: z.int().nullish(),
  last_request_time: z.string(),
  last_checkpoint: checkpointSchema.nullish(),
  last_sampler_checkpoint: checkpointSchema.nullish(),
  user_metadata: z.record(z.string(), metadataValue).nullish(),
});
export type TrainingRun = z.output<typeof trainingRunSchema>;

export const trainingRunsResponseSchema = z.object({
  training_runs: z.array(trainingRunSchema),
  cursor: cursorSchema,
});

/** `owned`: the caller's; `accessible`: also what others shared with the caller. */
export type AccessScope = 'owned' | 'accessible';
