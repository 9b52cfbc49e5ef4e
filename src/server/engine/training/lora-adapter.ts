import type { LoraConfig } from '../../../types/training.ts';
import { EngineError } from '../engine-error.ts';
import type { Matrix, TrainableMatrices } from '../model-weights.ts';
import type { RandomStream } from '../random-stream.ts';

/** The scale of an adapter is this over its rank, whatever the rank. */
export const loraAlpha = 32;

/** The two factors of one adapted matrix: `down [rank, inputSize]` is PEFT's A, `up [outputSize, rank]` its B. */
export interface LoraPair {
  name: string;
  inputSize: number;
  outputSize: number;
  down: Float32Array;
  up: Float32Array;
}

export interface LoraAdapter {
  rank: number;
  pairs: LoraPair[];
}

/** A new adapter for the parts that the config trains: A Kaiming-uniform, B zero, so that it changes nothing yet. */
export function createAdapter(
  matrices: readonly Matrix[],
  lora: LoraConfig,
  random: RandomStream,
): LoraAdapter {
  const trained = { attention: lora.train_attn, mlp: lora.train_mlp, unembedding: lora.train_unembed };
  const chosen = matrices.filter(({ part }) => trained[part]);
  if (chosen.length === 0) {
    throw new EngineError(
      'user',
      'lora_config trains nothing: set at least one of train_attn, train_mlp, train_unembed',
    );
  }
  return {
    rank: lora.rank,
    pairs: chosen.map(({ name, inputSize, outputSize }) => {
      const bound = 1 / Math.sqrt(inputSize);
      return {
        name,
        inputSize,
        outputSize,
        down: Float32Array.from({ length: lora.rank * inputSize }, () => (2 * random.next() - 1) * bound),
        up: new Float32Array(outputSize * lora.rank),
      };
    }),
  };
}

/** Adds the adapter's product to matrices that hold the base model's weights. */
export function mergeAdapter({ rank, pairs }: LoraAdapter, weights: TrainableMatrices): void {
  const scale = loraAlpha / rank;
  for (const { name, inputSize, outputSize, down, up } of pairs) {
    const { data } = matrixOf(weights, name);
    for (let row = 0; row < outputSize; row++) {
      for (let inner = 0; inner < rank; inner++) {
        const factor = scale * (up[row * rank + inner] ?? 0);
        if (factor !== 0) addScaled(data, row * inputSize, down, inner * inputSize, inputSize, factor);
      }
    }
  }
}

/**
 * From the gradient of the merged matrices to that of the factors, pair by pair in the adapter's order. The passes
 * over the model work with merged weights, so the rank never shows in a compiled shape.
 */
export function factorGradients(
  { rank, pairs }: LoraAdapter,
  gradients: TrainableMatrices,
): { down: Float32Array; up: Float32Array }[] {
  const scale = loraAlpha / rank;
  return pairs.map(({ name, inputSize, outputSize, down, up }) => {
    const { data } = matrixOf(gradients, name);
    const downGradient = new Float32Array(down.length);
    const upGradient = new Float32Array(up.length);
    for (let row = 0; row < outputSize; row++) {
      for (let inner = 0; inner < rank; inner++) {
        const slope = product(data, row * inputSize, down, inner * inputSize, inputSize);
        upGradient[row * rank + inner] = scale * slope;
        const factor = scale * (up[row * rank + inner] ?? 0);
        if (factor !== 0)
          addScaled(downGradient, inner * inputSize, data, row * inputSize, inputSize, factor);
      }
    }
    return { down: downGradient, up: upGradient };
  });
}

function matrixOf({ matrices }: TrainableMatrices, name: string): Matrix {
  const matrix = matrices.find((candidate) => candidate.name === name);
  if (matrix === undefined) throw new RangeError(`The model has no matrix ${name}`);
  return matrix;
}

// These two are the innermost loops of a step, so they take offsets: views would cost as much as the sums.

function addScaled(
  target: Float32Array,
  targetBegin: number,
  source: Float32Array,
  sourceBegin: number,
  count: number,
  factor: number,
): void {
  for (let index = 0; index < count; index++) {
    const place = targetBegin + index;
    target[place] = (target[place] ?? 0) + factor * (source[sourceBegin + index] ?? 0);
  }
}

function product(
  left: Float32Array,
  leftBegin: number,
  right: Float32Array,
  rightBegin: number,
  count: number,
): number {
  let sum = 0;
  for (let index = 0; index < count; index++)
    sum += (left[leftBegin + index] ?? 0) * (right[rightBegin + index] ?? 0);
  return sum;
}
