import { InvalidArgumentError } from '../core/errors.ts';
import { toFloatArray, toTokenArray } from '../core/tensors.ts';
import type { Datum } from '../types/datum.ts';
import type { ModelInput, Tokens } from '../types/model-input.ts';

/** A model input of one text chunk. Throws InvalidArgumentError for what is no token id. */
export function modelInput(tokens: Tokens): ModelInput {
  return { chunks: [{ type: 'encoded_text', tokens: toTokenArray(tokens, 'tokens') }] };
}

export interface SupervisedExample {
  /** The whole sequence, prompt and completion. At least two tokens. */
  tokens: Tokens;
  /** One weight per token: how much it counts as a target; 0 for the prompt, 1 for the completion. All 1 by default. */
  weights?: Float32Array | readonly number[] | undefined;
}

/**
 * A datum for `cross_entropy` from a whole sequence: the model reads all tokens but the last and is scored on all but the
 * first, so targets and weights are shifted by one. The first weight has no effect.
 */
export function supervisedDatum({ tokens, weights }: SupervisedExample): Datum {
  const sequence = toTokenArray(tokens, 'tokens');
  if (sequence.length < 2) throw new InvalidArgumentError('a supervised example needs at least two tokens');
  if (weights !== undefined && weights.length !== sequence.length) {
    throw new InvalidArgumentError(
      `weights must have one value per token: ${sequence.length}, not ${weights.length}`,
    );
  }
  const targets = sequence.subarray(1);
  const targetWeights =
    weights === undefined
      ? new Float32Array(targets.length).fill(1)
      : toFloatArray(weights, 'weights').subarray(1);
  return {
    model_input: { chunks: [{ type: 'encoded_text', tokens: sequence.subarray(0, -1) }] },
    loss_fn_inputs: {
      target_tokens: { dtype: 'int64', data: targets, shape: [targets.length] },
      weights: { dtype: 'float32', data: targetWeights, shape: [targets.length] },
    },
  };
}
