import { checkOptionNames } from '../core/config.ts';
import { InvalidArgumentError } from '../core/errors.ts';
import { parseTinkerPath } from '../core/tinker-path.ts';
import type { OptimizerConfigInput } from '../types/training.ts';
import type { ModelOrigin } from './make-model.ts';
import { checkOptimizerConfig } from './training/optimizer.ts';

export interface LoraTrainingClientInput {
  base_model: string;
  /** 32 by default. */
  rank?: number | undefined;
  /** Of the adapter's initial values; drawn by the server by default. */
  seed?: number | undefined;
  /** Which parts are trained; all by default, and at least one. */
  train_mlp?: boolean | undefined;
  train_attn?: boolean | undefined;
  train_unembed?: boolean | undefined;
  /** Fixed for the model's life; AdamW by default. */
  optimizer_config?: OptimizerConfigInput | undefined;
  user_metadata?: Record<string, unknown> | undefined;
}

export interface FromStateInput {
  /** A training checkpoint: `tinker://run/weights/name`. */
  path: string;
  /** Also restores the optimizer's moments: this is what resuming means. */
  optimizer?: boolean | undefined;
  /** A compatible base model in place of the checkpoint's own. */
  base_model?: string | undefined;
  /** Of a model that gets weights alone; AdamW by default. With `optimizer` it is the state's own. */
  optimizer_config?: OptimizerConfigInput | undefined;
  user_metadata?: Record<string, unknown> | undefined;
  /** Credential of the account that owns the weights, when it is another. */
  weights_access_token?: string | undefined;
}

/** `base_model`, `model_path` or `handle`. */
/** Which weights a sampler is of: a base model's, or saved ones. */
export interface SamplerSource {
  base_model?: string | undefined;
  /** A checkpoint to sample from: `tinker://run/sampler_weights/name`. */
  model_path?: string | undefined;
  /** The server keeps of each sequence what the loss `stable_reinforce` needs; false by default. */
  record_stability_info?: boolean | undefined;
}

export interface SamplingClientInput extends SamplerSource {
  /** What `SamplingClient.toHandle` gave in another process: the same sampler, by this service's key. */
  handle?: string | undefined;
}

/** Checks before anything is sent; the message names the field. */
export function toLoraOrigin(input: LoraTrainingClientInput, model_seq_id: number): ModelOrigin {
  const fields = ['base_model', 'rank', 'seed', 'train_mlp', 'train_attn', 'train_unembed'];
  checkOptionNames('createLoraTrainingClient', input, [...fields, 'optimizer_config', 'user_metadata']);
  const {
    base_model,
    rank = 32,
    seed,
    train_mlp = true,
    train_attn = true,
    train_unembed = true,
    optimizer_config = { type: 'adamw' },
    user_metadata,
  } = input;
  if (typeof base_model !== 'string' || base_model === '') {
    throw new InvalidArgumentError(
      'base_model must name a model that the server offers; getServerCapabilities lists them',
    );
  }
  if (!Number.isInteger(rank) || rank < 1)
    throw new InvalidArgumentError(`rank must be a positive integer, and is ${rank}`);
  if (!train_mlp && !train_attn && !train_unembed) {
    throw new InvalidArgumentError('at least one of train_mlp, train_attn and train_unembed must be true');
  }
  const lora_config = { rank, seed, train_unembed, train_mlp, train_attn };
  return {
    kind: 'create',
    request: {
      model_seq_id,
      base_model,
      user_metadata,
      lora_config,
      optimizer_config: checkOptimizerConfig(optimizer_config),
    },
  };
}

export function toStateOrigin(input: FromStateInput, model_seq_id: number): ModelOrigin {
  const fields = [
    'path',
    'optimizer',
    'base_model',
    'optimizer_config',
    'user_metadata',
    'weights_access_token',
  ];
  checkOptionNames('createTrainingClientFromState', input, fields);
  const { optimizer = false, optimizer_config, ...rest } = input;
  checkStatePath(input.path);
  if (optimizer && optimizer_config !== undefined) {
    throw new InvalidArgumentError('optimizer_config is for a model without the optimizer of its state');
  }
  return {
    kind: 'load',
    request: {
      ...rest,
      model_seq_id,
      optimizer,
      ...(optimizer_config === undefined ? {} : { optimizer_config: checkOptimizerConfig(optimizer_config) }),
    },
  };
}

export function checkStatePath(path: string): void {
  if (parseTinkerPath(path).checkpoint_type !== 'training') {
    throw new InvalidArgumentError(
      `only a training checkpoint (tinker://run/weights/name) can be trained on, not ${path}`,
    );
  }
}

export function checkSamplingInput(input: SamplingClientInput): void {
  checkOptionNames('createSamplingClient', input, [
    'base_model',
    'model_path',
    'handle',
    'record_stability_info',
  ]);
  const { base_model, model_path, handle, record_stability_info } = input;
  if (
    handle !== undefined &&
    [base_model, model_path, record_stability_info].some((one) => one !== undefined)
  )
    throw new InvalidArgumentError(
      'a handle says all about its sampler: leave base_model, model_path and record_stability_info out',
    );
  if (!base_model && !model_path && !handle)
    throw new InvalidArgumentError('createSamplingClient needs base_model or model_path, or a handle');
  if (model_path !== undefined && !model_path.startsWith('tinker://')) {
    throw new InvalidArgumentError(`model_path must begin with tinker://, and is ${model_path}`);
  }
}
