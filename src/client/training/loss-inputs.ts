import type { LossFn } from '../../types/loss.ts';
import type { TensorDtype } from '../../types/tensor.ts';

interface LossShape {
  /** Inputs that each datum must have, beside `target_tokens`. */
  inputs: readonly string[];
  /** The published options, all of them optional but `loss_id`. */
  config: Readonly<Record<string, 'number' | 'text'>>;
  /** The service does not publish them all: other keys pass. */
  takesMore: boolean;
}

const policy = ['logprobs', 'advantages'];
const clipping = { clip_low_threshold: 'number', clip_high_threshold: 'number' } as const;

/** What each loss needs and takes (wire-protocol 3.4, features TYP-12), as far as it is published. */
export const lossShapes: Readonly<Record<LossFn, LossShape>> = {
  cross_entropy: { inputs: ['weights'], config: {}, takesMore: false },
  importance_sampling: { inputs: policy, config: {}, takesMore: false },
  ppo: { inputs: policy, config: clipping, takesMore: false },
  cispo: { inputs: policy, config: clipping, takesMore: false },
  gspo: { inputs: [...policy, 'sequence_ratio_mask'], config: clipping, takesMore: false },
  dro: { inputs: policy, config: { beta: 'number' }, takesMore: true },
  stable_reinforce: { inputs: ['advantages'], config: { kl_coeff: 'number' }, takesMore: true },
  custom: { inputs: [], config: { loss_id: 'text' }, takesMore: true },
};

/** The element type of the inputs that the losses know; others may have either. */
export const inputDtypes: Readonly<Record<string, TensorDtype>> = {
  target_tokens: 'int64',
  weights: 'float32',
  advantages: 'float32',
  logprobs: 'float32',
  clip_low_threshold: 'float32',
  clip_high_threshold: 'float32',
  sequence_ratio_mask: 'float32',
};
