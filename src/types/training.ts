import { z } from 'zod';
import type { CustomLoss, UploadedLoss } from './custom-loss.ts';
import type { Datum } from './datum.ts';
import type { LossChoice } from './loss.ts';
import type { TensorData } from './tensor.ts';

/** Which parts of each block get an adapter, and how large it is. At least one of the three must be trained. */
export const loraConfigSchema = z.object({
  rank: z.int().min(1),
  seed: z.int().nullish(),
  train_unembed: z.boolean().default(true),
  train_mlp: z.boolean().default(true),
  train_attn: z.boolean().default(true),
});
export type LoraConfig = z.output<typeof loraConfigSchema>;

/** The optimizer family of a model, fixed for its life. Types we do not know pass through with their fields. */
export const optimizerConfigSchema = z.looseObject({ type: z.string() });
export type OptimizerConfig = z.output<typeof optimizerConfigSchema>;

/** The families that SDK 0.38 knows. */
export const optimizerConfigs = {
  adamw: z.strictObject({ type: z.literal('adamw') }),
  dimuon: z.strictObject({ type: z.literal('dimuon'), version: z.literal(1).default(1) }),
};

/** The optimizer of a new model; the server decides on `type`s that are not known here. */
export type OptimizerConfigInput = z.input<(typeof optimizerConfigs)[keyof typeof optimizerConfigs]>;

export const createModelRequestSchema = z.object({
  session_id: z.string(),
  model_seq_id: z.int().min(0),
  base_model: z.string(),
  user_metadata: z.record(z.string(), z.unknown()).nullish(),
  lora_config: loraConfigSchema.nullish(),
  optimizer_config: optimizerConfigSchema.nullish(),
  type: z.literal('create_model').default('create_model'),
});
export type CreateModelRequest = z.input<typeof createModelRequestSchema>;

export const createModelResponseSchema = z.object({ model_id: z.string() });

export const getInfoRequestSchema = z.object({ model_id: z.string() });

export const getInfoResponseSchema = z.object({
  model_id: z.string(),
  model_data: z.object({
    arch: z.string().nullish(),
    model_name: z.string().nullish(),
    tokenizer_id: z.string().nullish(),
  }),
  optimizer_config: optimizerConfigSchema.nullish(),
  is_lora: z.boolean().nullish(),
  lora_rank: z.int().nullish(),
  model_name: z.string().nullish(),
});
export type GetInfoResponse = z.output<typeof getInfoResponseSchema>;

export const unloadModelRequestSchema = z.object({ model_id: z.string() });

/** AdamW with decoupled weight decay. `grad_clip_norm` 0 is off, else the global gradient norm is clipped to it. */
export const adamParamsSchema = z.strictObject({
  learning_rate: z.number().min(0).default(1e-4),
  beta1: z.number().min(0).lt(1).default(0.9),
  beta2: z.number().min(0).lt(1).default(0.95),
  eps: z.number().positive().default(1e-12),
  weight_decay: z.number().min(0).default(0),
  grad_clip_norm: z.number().min(0).default(0),
});
export type AdamParams = z.output<typeof adamParamsSchema>;
export type AdamParamsInput = z.input<typeof adamParamsSchema>;

/** Dimuon. `beta1` is the decay of the momentum; `grad_clip_norm` 0 or less is off. */
export const dimuonParamsSchema = z.strictObject({
  type: z.literal('dimuon'),
  learning_rate: z.number().min(0),
  grad_clip_norm: z.number().default(0),
  beta1: z.number().min(0).lt(1).default(0.9),
});
export type DimuonParamsInput = z.input<typeof dimuonParamsSchema>;

/** The parameters of one step: those of AdamW need no `type`. */
export type OptimParamsInput = (AdamParamsInput & { type?: 'adamw' | undefined }) | DimuonParamsInput;

/** The same under the one key that their kind has on the wire. */
export type OptimParams = { adam_params: AdamParams } | { optimizer_params: { type: string } };

export const optimStepRequestSchema = z.object({
  model_id: z.string(),
  seq_id: z.int().nullish(),
  adam_params: adamParamsSchema.nullish(),
  optimizer_params: z.looseObject({ type: z.string() }).nullish(),
});

export const optimStepResponseSchema = z.object({ metrics: z.record(z.string(), z.number()).nullish() });
export type OptimStepResponse = z.output<typeof optimStepResponseSchema>;

/** What a forward or forward_backward call takes. Gradients accumulate on the server until `optimStep`. */
export type ForwardBackwardInput = { data: readonly Datum[] } & LossChoice;

/** `data` needs `target_tokens`; every other input is for the loss to read, and `weights` have no effect. */
export interface ForwardBackwardCustomInput {
  data: readonly Datum[];
  /** A function, or a loss that `createCustomLoss` has given to the server: that needs one pass instead of two. */
  loss: CustomLoss | UploadedLoss;
}

/** One record of tensors per datum, in input order; `metrics` are named `name:reduction` (`loss:sum` is the loss). */
export interface ForwardBackwardOutput {
  loss_fn_output_type: string;
  loss_fn_outputs: Record<string, TensorData>[];
  metrics: Record<string, number>;
}
