import { z } from 'zod';
import { loraConfigSchema, optimizerConfigSchema } from './training.ts';

const stringMap = z.record(z.string(), z.string());

/** `path` is the checkpoint's name here, not a tinker path. */
export const saveWeightsRequestSchema = z.object({
  model_id: z.string(),
  path: z.string().nullish(),
  seq_id: z.int().nullish(),
  ttl_seconds: z.int().nullish(),
  overwrite: z.boolean().default(false),
  user_metadata: stringMap.nullish(),
  type: z.literal('save_weights').default('save_weights'),
});
export type SaveWeightsRequest = z.input<typeof saveWeightsRequestSchema>;

export const saveWeightsResponseSchema = z.object({ path: z.string() });
export type SaveWeightsResponse = z.output<typeof saveWeightsResponseSchema>;

/** Either `path` (a named checkpoint) or `sampling_session_seq_id` (an ephemeral sampler). */
export const saveWeightsForSamplerRequestSchema = z.object({
  model_id: z.string(),
  path: z.string().nullish(),
  sampling_session_seq_id: z.int().min(0).nullish(),
  kind: z.enum(['snapshot', 'inflight']).default('snapshot'),
  seq_id: z.int().nullish(),
  ttl_seconds: z.int().nullish(),
  user_metadata: stringMap.nullish(),
  type: z.literal('save_weights_for_sampler').default('save_weights_for_sampler'),
});
export type SaveWeightsForSamplerRequest = z.input<typeof saveWeightsForSamplerRequestSchema>;

export const saveWeightsForSamplerResponseSchema = z.object({
  path: z.string().nullish(),
  sampling_session_id: z.string().nullish(),
});

/** `path` is the export's name. Keys of age or SSH to encrypt every file for, at most ten. */
export const saveWeightsExternalRequestSchema = z.object({
  model_id: z.string(),
  path: z.string(),
  seq_id: z.int().nullish(),
  ttl_seconds: z.int().nullish(),
  age_encryption_recipients: z.array(z.string()).max(10).nullish(),
  type: z.literal('save_weights_external').default('save_weights_external'),
});
export type SaveWeightsExternalRequest = z.input<typeof saveWeightsExternalRequestSchema>;

export const saveWeightsExternalResponseSchema = z.object({
  path: z.string(),
  size_bytes: z.int().nullish(),
});
export type SaveWeightsExternalResponse = z.output<typeof saveWeightsExternalResponseSchema>;

/** Session addressing creates the model and needs `session_id` and `model_seq_id`; model addressing `model_id` and `seq_id`. */
export const loadWeightsRequestSchema = z.object({
  model_id: z.string().nullish(),
  seq_id: z.int().nullish(),
  session_id: z.string().nullish(),
  model_seq_id: z.int().min(0).nullish(),
  base_model: z.string().nullish(),
  user_metadata: z.record(z.string(), z.unknown()).nullish(),
  path: z.string(),
  optimizer: z.boolean(),
  optimizer_config: optimizerConfigSchema.nullish(),
  weights_access_token: z.string().nullish(),
  type: z.literal('load_weights').default('load_weights'),
});
export type LoadWeightsRequest = z.input<typeof loadWeightsRequestSchema>;

export const loadWeightsResponseSchema = z.object({
  path: z.string().nullish(),
  model_id: z.string().nullish(),
});
export type LoadWeightsResponse = z.output<typeof loadWeightsResponseSchema>;

/** Where the copy goes: a project, or the place of a model in a session. */
export const copyWeightsRequestSchema = z.object({
  session_id: z.string().nullish(),
  model_seq_id: z.int().min(0).nullish(),
  destination_project_id: z.string().min(1).nullish(),
  source_path: z.string(),
  ttl_seconds: z.int().nullish(),
  weights_access_token: z.string().nullish(),
});

/** What weights belong to that will be sent file by file. */
export const startUploadRequestSchema = z.object({
  base_model: z.string(),
  lora_config: loraConfigSchema,
  destination_project_id: z.string().min(1).nullish(),
});

export const finishUploadRequestSchema = z.object({ upload_id: z.string() });

export const weightsInfoRequestSchema = z.object({ tinker_path: z.string() });

/** What a checkpoint holds; of others too where they are published. Parts are null where the server does not say. */
export const weightsInfoResponseSchema = z.object({
  base_model: z.string(),
  optimizer_config: optimizerConfigSchema.default({ type: 'adamw' }),
  is_lora: z.boolean(),
  lora_rank: z.int().nullish(),
  train_unembed: z.boolean().nullish(),
  train_mlp: z.boolean().nullish(),
  train_attn: z.boolean().nullish(),
});
export type WeightsInfoResponse = z.output<typeof weightsInfoResponseSchema>;

export type CopyWeightsRequest = z.input<typeof copyWeightsRequestSchema>;

export const copyWeightsResponseSchema = z.object({ tinker_path: z.string() });
export type CopyWeightsResponse = z.output<typeof copyWeightsResponseSchema>;

/** What the weights that are to be uploaded belong to. */
export type ExternalWeightsUploadInput = z.input<typeof startUploadRequestSchema>;

/** A signed link for each file, to which it is sent by PUT. Treat each as a secret until `expires`. */
export const externalWeightsUploadStartResponseSchema = z.object({
  upload_id: z.string(),
  urls: z.record(z.string(), z.string()),
  expires: z.string(),
});
export type ExternalWeightsUploadStartResponse = z.output<typeof externalWeightsUploadStartResponseSchema>;
