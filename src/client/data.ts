import { InvalidArgumentError } from '../core/errors.ts';
import { toFloatArray, toTokenArray } from '../core/tensors.ts';
import type { Datum } from '../types/datum.ts';
import type { ModelInput, Tokens } from '../types/model-input.ts';
import type { SampledSequence } from '../types/sampling.ts';
import type { TensorInput } from '../types/tensor.ts';

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

export interface SampledExample {
  /** What the sequence was sampled for; at least one token. */
  prompt: Tokens;
  /** As `sample` gave it, with its log-probabilities. */
  sequence: Pick<SampledSequence, 'tokens' | 'logprobs' | 'sequence_id'>;
  /** How much better than expected the sequence was: one number for all its tokens, or one for each. */
  advantages: number | Float32Array | readonly number[];
}

/**
 * A datum for `importance_sampling`, `ppo` or `cispo` from a sampled sequence. Targets within the prompt have log-probability
 * and advantage 0, so they count for nothing; not so for `dro`, which would hold the model to them. Says where each position
 * was sampled.
 */
export function sampledDatum({ prompt, sequence, advantages }: SampledExample): Datum {
  const given = toTokenArray(prompt, 'prompt');
  const { tokens, logprobs, sequence_id } = sequence;
  const size = tokens.length;
  if (given.length === 0 || size === 0) {
    throw new InvalidArgumentError(
      'a sampled example needs a prompt and a sequence of at least one token each',
    );
  }
  if (logprobs === null || logprobs.length !== size) {
    throw new InvalidArgumentError(`sequence.logprobs must have one value for each of the ${size} tokens`);
  }
  const each = typeof advantages === 'number' ? new Float32Array(size).fill(advantages) : advantages;
  if (each.length !== size) {
    throw new InvalidArgumentError(`advantages must have one value per token: ${size}, not ${each.length}`);
  }
  const first = given.length - 1;
  const whole = Int32Array.from([...given, ...tokens]);
  const shape = [whole.length - 1];
  const behindPrompt = (values: Float32Array): TensorInput => {
    const data = new Float32Array(whole.length - 1);
    data.set(values, first);
    return { dtype: 'float32', data, shape };
  };
  const datum: Datum = {
    model_input: { chunks: [{ type: 'encoded_text', tokens: whole.subarray(0, -1) }] },
    loss_fn_inputs: {
      target_tokens: { dtype: 'int64', data: whole.subarray(1), shape },
      logprobs: behindPrompt(toFloatArray(logprobs, 'sequence.logprobs')),
      advantages: behindPrompt(toFloatArray(each, 'advantages')),
    },
  };
  // Servers that number no sequences take no spans either.
  if (sequence_id === null) return datum;
  return {
    ...datum,
    model_input_spans: [
      { type: 'prompt_tokens', sequence_id, length: given.length },
      { type: 'sampled_tokens', sequence_id, length: size - 1 },
    ],
    loss_fn_input_spans: [
      { type: 'prompt_tokens', sequence_id, offset: 1, length: first },
      { type: 'sampled_tokens', sequence_id, length: size },
    ],
  };
}
