import { numpy as np } from '@jax-js/jax';
import type { Array } from '@jax-js/jax';
import type { ModelConfig } from '../model-config.ts';

/** Weights of one block on the device; see LayerMatrices for what is fused. */
export type LayerWeights = {
  queryKeyValue: Array;
  attentionOutput: Array;
  gateUp: Array;
  down: Array;
  attentionNorm: Array;
  mlpNorm: Array;
};

/** What the rotary embedding turns the positions of a row by. */
export type Rotation = {
  /** `[T, 1, 2, headSize / 2]` */
  cosine: Array;
  /** The same shape; negative for the first half of each head. */
  signedSine: Array;
};

/** What tells the positions of a padded row apart; the same for every block. */
export type Positions = Rotation & {
  /** `[T, T]`: 0 where a query may look at a key, very negative elsewhere. */
  mask: Array;
};

/** What the backward pass needs of the forward pass, beside the block's input. */
export type LayerResiduals = {
  query: Array;
  key: Array;
  value: Array;
  /** Of each block of queries: `[heads, rows, keys]`, the softmax before its division. */
  exponentials: Array[];
  /** Of each block of queries: `[heads, rows, 1]`, one over the sum of the exponentials. */
  inverseSums: Array[];
  attended: Array;
  middle: Array;
  gateUp: Array;
};

/** Queries are taken in blocks, and a block looks only at keys up to its end: the masked half is mostly skipped. */
const queryBlockSize = 128;

export function queryBlocks(length: number): { begin: number; end: number }[] {
  const size = Math.min(length, queryBlockSize);
  return globalThis.Array.from({ length: length / size }, (_, index) => ({
    begin: index * size,
    end: (index + 1) * size,
  }));
}

/** One block of the transformer over `input [T, hidden]`. Every array given is consumed, as jax-js has it. */
export function layerForward(
  config: ModelConfig,
  input: Array,
  weights: LayerWeights,
  positions: Positions,
): { output: Array; residuals: LayerResiduals } {
  const { hiddenSize: hidden, intermediateSize: inner, headSize } = config;
  const normed = rootMeanSquareNorm(input.ref, weights.attentionNorm, config.normEpsilon);
  const fused = linear(normed, weights.queryKeyValue);
  const unscaledQuery = rotate(
    splitHeads(config, fused.ref.slice([], [0, hidden])),
    positions.cosine.ref,
    positions.signedSine.ref,
  );
  const query = toHeadMajor(unscaledQuery.mul(1 / Math.sqrt(headSize)));
  const key = toHeadMajor(
    rotate(
      splitHeads(config, fused.ref.slice([], [hidden, 2 * hidden])),
      positions.cosine,
      positions.signedSine,
    ),
  );
  const value = toHeadMajor(splitHeads(config, fused.slice([], [2 * hidden, 3 * hidden])));

  const exponentials: Array[] = [];
  const inverseSums: Array[] = [];
  const attendedBlocks: Array[] = [];
  for (const { begin, end } of queryBlocks(input.shape[0] ?? 0)) {
    const scores = np.matmul(
      query.ref.slice([], [begin, end]),
      key.ref.slice([], [0, end]).transpose([0, 2, 1]),
    );
    const mask = positions.mask.ref.slice([begin, end], [0, end]);
    // The mask is added twice: once here would make it part of the product's kernel, which then loses its SIMD path.
    const highest = np.max(scores.ref.add(mask.ref), -1, { keepdims: true });
    const block = np.exp(scores.add(mask.sub(highest)));
    const inverseSum = np.reciprocal(np.sum(block.ref, -1, { keepdims: true }));
    attendedBlocks.push(np.matmul(block.ref, value.ref.slice([], [0, end])).mul(inverseSum.ref));
    exponentials.push(block);
    inverseSums.push(inverseSum);
  }
  positions.mask.dispose();
  const attended = fromHeadMajor(
    attendedBlocks.length === 1 ? first(attendedBlocks) : np.concatenate(attendedBlocks, 1),
  );
  const middle = input.add(linear(attended.ref, weights.attentionOutput));

  const gateUp = linear(rootMeanSquareNorm(middle.ref, weights.mlpNorm, config.normEpsilon), weights.gateUp);
  const gate = gateUp.ref.slice([], [0, inner]);
  const activated = gate.ref.mul(sigmoid(gate)).mul(gateUp.ref.slice([], [inner, 2 * inner]));
  const output = middle.ref.add(linear(activated, weights.down));
  return { output, residuals: { query, key, value, exponentials, inverseSums, attended, middle, gateUp } };
}

/** `input [T, in]` by `matrix [out, in]`. */
export function linear(input: Array, matrix: Array): Array {
  return np.matmul(input, matrix.transpose());
}

export function rootMeanSquareNorm(input: Array, gain: Array, epsilon: number): Array {
  const scale = inverseRootMeanSquare(input.ref, epsilon);
  return input.mul(scale).mul(gain);
}

export function inverseRootMeanSquare(input: Array, epsilon: number): Array {
  const size = input.shape.at(-1) ?? 1;
  return np.reciprocal(
    np.sqrt(
      np
        .sum(np.square(input), -1, { keepdims: true })
        .mul(1 / size)
        .add(epsilon),
    ),
  );
}

export function sigmoid(input: Array): Array {
  return np.reciprocal(np.exp(input.neg()).add(1));
}

/** `[T, hidden]` to `[T, heads, 2, headSize / 2]`: the halves that the rotary embedding turns against each other. */
export function splitHeads(config: ModelConfig, input: Array): Array {
  return input.reshape([input.shape[0] ?? 0, config.headCount, 2, config.headSize / 2]);
}

/** The rotary embedding; with the sine negated it is its own inverse, and its own transpose. */
export function rotate(halves: Array, cosine: Array, signedSine: Array): Array {
  return halves.ref.mul(cosine).add(np.flip(halves, 2).mul(signedSine));
}

/** `[T, heads, 2, headSize / 2]` to `[heads, T, headSize]`. */
export function toHeadMajor(halves: Array): Array {
  const [length = 0, heads = 0, , half = 0] = halves.shape;
  return halves.reshape([length, heads, 2 * half]).transpose([1, 0, 2]);
}

/** `[heads, T, headSize]` to `[T, hidden]`. */
export function fromHeadMajor(input: Array): Array {
  const [heads = 0, length = 0, size = 0] = input.shape;
  return input.transpose([1, 0, 2]).reshape([length, heads * size]);
}

export function first<T>(items: readonly T[]): T {
  const [item] = items;
  if (item === undefined) throw new RangeError('An empty list has no first item');
  return item;
}
