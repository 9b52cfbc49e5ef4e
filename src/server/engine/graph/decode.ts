import { numpy as np } from '@jax-js/jax';
import type { Array } from '@jax-js/jax';
import type { ModelConfig } from '../model-config.ts';
import { linear, rotate, sigmoid } from './layer-forward.ts';
import type { LayerWeights } from './layer-forward.ts';

/** Keys and values of one block: `[batch, heads, places, headSize]`. */
export type KeyValues = {
  key: Array;
  value: Array;
};

/** What changes from step to step beside the recent keys and values. */
export type DecodeInputs = {
  /** Embedded tokens `[batch, hidden]`. */
  embedded: Array;
  /** `[batch, 1, 2, headSize / 2]`, as in Rotation. */
  cosine: Array;
  signedSine: Array;
  /** `[batch, 1, 1, context]`: 0 for a place that holds a key, very negative elsewhere. */
  contextMask: Array;
  /** `[batch, 1, 1, recent]`, the same; the token of this step included. */
  recentMask: Array;
  /** `[batch, 1, recent, 1]`: 1 where the token of this step goes, 0 elsewhere. */
  recentPlace: Array;
};

/**
 * One token further for each row of a batch. Older keys and values are read only; those of the last few tokens are a
 * small array that each step returns anew, so that a step does not copy the whole context.
 */
export function decodeStep(
  config: ModelConfig,
  inputs: DecodeInputs,
  layers: LayerWeights[],
  head: { finalNorm: Array; unembedding: Array },
  context: KeyValues[],
  recent: KeyValues[],
): { logits: Array; recent: KeyValues[] } {
  const updated: KeyValues[] = [];
  let hidden = inputs.embedded;
  for (const [index, weights] of layers.entries()) {
    const older = context[index];
    const newer = recent[index];
    if (older === undefined || newer === undefined)
      throw new RangeError(`No keys and values for layer ${index}`);
    const result = decodeLayer(config, hidden, weights, inputs, older, newer);
    hidden = result.output;
    updated.push(result.recent);
  }
  const { cosine, signedSine, contextMask, recentMask, recentPlace } = inputs;
  for (const array of [cosine, signedSine, contextMask, recentMask, recentPlace]) array.dispose();
  const logits = linear(normOfFewRows(hidden, head.finalNorm, config.normEpsilon), head.unembedding);
  return { logits, recent: updated };
}

function decodeLayer(
  config: ModelConfig,
  input: Array,
  weights: LayerWeights,
  { cosine, signedSine, contextMask, recentMask, recentPlace }: DecodeInputs,
  context: KeyValues,
  recent: KeyValues,
): { output: Array; recent: KeyValues } {
  const { hiddenSize: hidden, intermediateSize: inner, headCount, headSize, normEpsilon } = config;
  const batch = input.shape[0] ?? 0;
  const fused = linear(normOfFewRows(input.ref, weights.attentionNorm, normEpsilon), weights.queryKeyValue);
  const turned = (part: Array) =>
    rotate(part.reshape([batch, headCount, 2, headSize / 2]), cosine.ref, signedSine.ref).reshape([
      batch,
      headCount,
      1,
      headSize,
    ]);
  const query = turned(fused.ref.slice([], [0, hidden])).mul(1 / Math.sqrt(headSize));
  const newKey = turned(fused.ref.slice([], [hidden, 2 * hidden]));
  const newValue = fused.slice([], [2 * hidden, 3 * hidden]).reshape([batch, headCount, 1, headSize]);
  const key = recent.key.add(newKey.mul(recentPlace.ref));
  const value = recent.value.add(newValue.mul(recentPlace.ref));

  const contextScores = np.matmul(query.ref, context.key.transpose([0, 1, 3, 2])).add(contextMask.ref);
  const recentScores = np.matmul(query, key.ref.transpose([0, 1, 3, 2])).add(recentMask.ref);
  const highest = np.maximum(
    np.max(contextScores.ref, -1, { keepdims: true }),
    np.max(recentScores.ref, -1, { keepdims: true }),
  );
  const contextWeights = np.exp(contextScores.sub(highest.ref));
  const recentWeights = np.exp(recentScores.sub(highest));
  const total = np
    .sum(contextWeights.ref, -1, { keepdims: true })
    .add(np.sum(recentWeights.ref, -1, { keepdims: true }));
  const attended = np
    .matmul(contextWeights, context.value)
    .add(np.matmul(recentWeights, value.ref))
    .div(total);
  const middle = input.add(linear(attended.reshape([batch, hidden]), weights.attentionOutput));

  const gateUp = linear(normOfFewRows(middle.ref, weights.mlpNorm, normEpsilon), weights.gateUp);
  const gate = gateUp.ref.slice([], [0, inner]);
  const activated = gate.ref.mul(sigmoid(gate)).mul(gateUp.slice([], [inner, 2 * inner]));
  return { output: middle.add(linear(activated, weights.down)), recent: { key, value } };
}

/**
 * Root mean square norm with the same bits for every batch size. Below four sums jax-js adds in another order than
 * above, so each row is cut into four sums, and these are added one by one: what a sequence gets must not depend on
 * how many others run beside it.
 */
function normOfFewRows(input: Array, gain: Array, epsilon: number): Array {
  const [batch = 0, size = 0] = input.shape;
  const quarters = np.sum(np.square(input.ref).reshape([batch, 4, size / 4]), -1);
  const quarter = (index: number) => quarters.ref.slice([], [index, index + 1]);
  const total = quarter(0).add(quarter(1)).add(quarter(2)).add(quarter(3));
  quarters.dispose();
  const scale = np.reciprocal(np.sqrt(total.mul(1 / size).add(epsilon)));
  return input.mul(scale).mul(gain);
}
