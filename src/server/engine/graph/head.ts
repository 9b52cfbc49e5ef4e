import { numpy as np } from '@jax-js/jax';
import type { Array } from '@jax-js/jax';
import type { ModelConfig } from '../model-config.ts';
import { linear, rootMeanSquareNorm } from './layer-forward.ts';
import { normBackward, weightGradient } from './layer-backward.ts';

/** Final norm and unembedding: `input [T, hidden]` to logits `[T, vocabulary]`. */
export function headForward(config: ModelConfig, input: Array, finalNorm: Array, unembedding: Array): Array {
  return linear(rootMeanSquareNorm(input, finalNorm, config.normEpsilon), unembedding);
}

/** From the gradient of the logits to those of the head's input and of the unembedding. */
export function headBackward(
  config: ModelConfig,
  gradient: Array,
  input: Array,
  finalNorm: Array,
  unembedding: Array,
): { input: Array; unembedding: Array } {
  const normed = rootMeanSquareNorm(input.ref, finalNorm.ref, config.normEpsilon);
  const unembeddingGradient = weightGradient(gradient.ref, normed);
  const normGradient = np.matmul(gradient, unembedding);
  return {
    input: normBackward(normGradient, input, finalNorm, config.normEpsilon),
    unembedding: unembeddingGradient,
  };
}
