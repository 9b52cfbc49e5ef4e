import { numpy as np } from '@jax-js/jax';
import type { Array } from '@jax-js/jax';
import type { ModelConfig } from '../model-config.ts';
import {
  first,
  fromHeadMajor,
  inverseRootMeanSquare,
  queryBlocks,
  rootMeanSquareNorm,
  rotate,
  sigmoid,
  splitHeads,
  toHeadMajor,
} from './layer-forward.ts';
import type { LayerResiduals, LayerWeights, Rotation } from './layer-forward.ts';

/** Gradients of one block's matrices, in the fused shapes of LayerMatrices. */
export type LayerGradients = {
  queryKeyValue: Array;
  attentionOutput: Array;
  gateUp: Array;
  down: Array;
};

/**
 * The gradient of layerForward, written out: the attention's exponentials are kept from the forward pass, which is
 * half the work that recomputing them would be. `gradient [T, hidden]` is that of the block's output.
 */
export function layerBackward(
  config: ModelConfig,
  gradient: Array,
  input: Array,
  residuals: LayerResiduals,
  weights: LayerWeights,
  positions: Rotation,
): { input: Array; matrices: LayerGradients } {
  const { intermediateSize: inner, normEpsilon } = config;
  const { middle, gateUp } = residuals;

  const gate = gateUp.ref.slice([], [0, inner]);
  const up = gateUp.slice([], [inner, 2 * inner]);
  const sigmoidOfGate = sigmoid(gate.ref);
  const silu = gate.ref.mul(sigmoidOfGate.ref);
  const down = weightGradient(gradient.ref, silu.ref.mul(up.ref));
  const activated = np.matmul(gradient.ref, weights.down);
  const slope = sigmoidOfGate.ref.mul(gate.mul(sigmoidOfGate.neg().add(1)).add(1));
  const gateUpGradient = np.concatenate([activated.ref.mul(up).mul(slope), activated.mul(silu)], 1);
  const normedMiddle = rootMeanSquareNorm(middle.ref, weights.mlpNorm.ref, normEpsilon);
  const gateUpMatrix = weightGradient(gateUpGradient.ref, normedMiddle);
  const middleGradient = gradient.add(
    normBackward(np.matmul(gateUpGradient, weights.gateUp), middle, weights.mlpNorm, normEpsilon),
  );

  const attentionOutput = weightGradient(middleGradient.ref, residuals.attended.ref);
  const attendedGradient = np.matmul(middleGradient.ref, weights.attentionOutput);
  const fused = attentionBackward(config, attendedGradient, residuals, positions);
  const normedInput = rootMeanSquareNorm(input.ref, weights.attentionNorm.ref, normEpsilon);
  const queryKeyValue = weightGradient(fused.ref, normedInput);
  const inputGradient = middleGradient.add(
    normBackward(np.matmul(fused, weights.queryKeyValue), input, weights.attentionNorm, normEpsilon),
  );
  return { input: inputGradient, matrices: { queryKeyValue, attentionOutput, gateUp: gateUpMatrix, down } };
}

/** From the gradient of what the heads attended to (`[T, hidden]`) to that of the fused projection `[T, 3 hidden]`. */
function attentionBackward(
  config: ModelConfig,
  attendedGradient: Array,
  { query, key, value, exponentials, inverseSums, attended }: LayerResiduals,
  { cosine, signedSine }: Rotation,
): Array {
  const length = attendedGradient.shape[0] ?? 0;
  const { headCount, headSize } = config;
  const byHead = (input: Array) => toHeadMajor(splitHeads(config, input));
  // The sum over keys of probability times its gradient, which the softmax subtracts, is this sum over the head.
  const weighted = np
    .sum(attendedGradient.ref.mul(attended).reshape([length, headCount, headSize]), -1)
    .transpose()
    .reshape([headCount, length, 1]);
  const outputGradient = byHead(attendedGradient);
  const queryBlocksGradient: Array[] = [];
  let keyGradient: Array | undefined;
  let valueGradient: Array | undefined;
  for (const [index, { begin, end }] of queryBlocks(length).entries()) {
    const block = exponentials[index];
    const inverseSum = inverseSums[index];
    if (block === undefined || inverseSum === undefined)
      throw new RangeError(`No residuals for query block ${index}`);
    const padding: [number, number][] = [
      [0, 0],
      [0, length - end],
      [0, 0],
    ];
    const accumulate = (sum: Array | undefined, part: Array) => {
      const padded = end === length ? part : np.pad(part, padding);
      return sum === undefined ? padded : sum.add(padded);
    };
    const rows = outputGradient.ref.slice([], [begin, end]).mul(inverseSum.ref);
    valueGradient = accumulate(valueGradient, np.matmul(block.ref.transpose([0, 2, 1]), rows.ref));
    const probabilityGradient = np.matmul(rows, value.ref.slice([], [0, end]).transpose([0, 2, 1]));
    const shift = weighted.ref.slice([], [begin, end]).mul(inverseSum);
    const scores = afterProduct(probabilityGradient).sub(shift).mul(block);
    queryBlocksGradient.push(np.matmul(scores.ref, key.ref.slice([], [0, end])));
    keyGradient = accumulate(
      keyGradient,
      np.matmul(scores.transpose([0, 2, 1]), query.ref.slice([], [begin, end])),
    );
  }
  for (const array of [query, key, value, outputGradient, weighted]) array.dispose();
  if (keyGradient === undefined || valueGradient === undefined)
    throw new RangeError('A row has at least one query block');
  const queryGradient =
    queryBlocksGradient.length === 1 ? first(queryBlocksGradient) : np.concatenate(queryBlocksGradient, 1);
  const unrotate = (input: Array) => {
    const halves = splitHeads(config, fromHeadMajor(input));
    return rotate(halves, cosine.ref, signedSine.ref.neg()).reshape([length, headCount * headSize]);
  };
  const parts = [
    unrotate(queryGradient.mul(1 / Math.sqrt(headSize))),
    unrotate(keyGradient),
    fromHeadMajor(valueGradient),
  ];
  cosine.dispose();
  signedSine.dispose();
  return np.concatenate(parts, 1);
}

/**
 * Keeps what follows out of a matrix product's kernel, which would lose its SIMD path: jax-js does not fuse across a
 * change of shape.
 */
function afterProduct(product: Array): Array {
  const shape = product.shape;
  return product.reshape([-1]).reshape(shape);
}

/** Gradient of `matrix [out, in]` in `linear`, from `outputGradient [T, out]` and `input [T, in]`. */
export function weightGradient(outputGradient: Array, input: Array): Array {
  return np.matmul(outputGradient.transpose(), input);
}

/** From the gradient of a norm's output to that of its input. */
export function normBackward(gradient: Array, input: Array, gain: Array, epsilon: number): Array {
  const size = input.shape.at(-1) ?? 1;
  const scale = inverseRootMeanSquare(input.ref, epsilon);
  const scaled = gradient.mul(gain);
  const along = np.sum(scaled.ref.mul(input.ref), -1, { keepdims: true });
  const correction = along.mul(np.square(scale.ref)).mul(1 / size);
  return scaled.sub(input.mul(correction)).mul(scale);
}
