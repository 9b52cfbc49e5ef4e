import type { LossFn } from '../../types/loss.ts';

interface LossShape {
  /** Inputs that each datum must have, beside `target_tokens`. */
  inputs: readonly string[];
  /** Undefined where the service does not publish them all: then every key passes. */
  configKeys: readonly string[] | undefined;
}

const policy = ['logprobs', 'advantages'];
const clipping = ['clip_low_threshold', 'clip_high_threshold'];

/** What each loss needs and takes (wire-protocol 3.4, features TYP-12), as far as it is published. */
export const lossShapes: Readonly<Record<LossFn, LossShape>> = {
  cross_entropy: { inputs: ['weights'], configKeys: [] },
  importance_sampling: { inputs: policy, configKeys: [] },
  ppo: { inputs: policy, configKeys: clipping },
  cispo: { inputs: policy, configKeys: clipping },
  gspo: { inputs: [...policy, 'sequence_ratio_mask'], configKeys: clipping },
  dro: { inputs: policy, configKeys: undefined },
  stable_reinforce: { inputs: ['advantages'], configKeys: undefined },
  custom: { inputs: [], configKeys: undefined },
};
