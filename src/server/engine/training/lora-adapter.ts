import type { LoraConfig } from '../../../types/training.ts';
import { EngineError } from '../engine-error.ts';
import type { Matrix, TrainableMatrices } from '../model-weights.ts';
import type { RandomStream } from '../random-stream.ts';
import { addProduct, transposed } from './matrix-product.ts';
import type { FlatMatrix } from './matrix-product.ts';

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
export function mergeAdapter(adapter: LoraAdapter, weights: TrainableMatrices): void {
  for (const pair of adapter.pairs) {
    const { down, up } = factorsOf(adapter, pair);
    addProduct(matrixOf(weights, pair), up, down, loraAlpha / adapter.rank);
  }
}

/**
 * From the gradient of the merged matrices to that of the factors, pair by pair in the adapter's order. The passes
 * over the model work with merged weights, so the rank never shows in a compiled shape.
 */
export function factorGradients(
  adapter: LoraAdapter,
  gradients: TrainableMatrices,
): { down: Float32Array; up: Float32Array }[] {
  const scale = loraAlpha / adapter.rank;
  return adapter.pairs.map((pair) => {
    const { down, up } = factorsOf(adapter, pair);
    const gradient = matrixOf(gradients, pair);
    const downGradient = { ...down, data: new Float32Array(down.data.length) };
    addProduct(downGradient, transposed(up), gradient, scale);
    // The other way round, so that the rows that are added are long ones: they are as short as the rank in the factor.
    const upGradient = { rows: up.columns, columns: up.rows, data: new Float32Array(up.data.length) };
    addProduct(upGradient, down, transposed(gradient), scale);
    return { down: downGradient.data, up: transposed(upGradient).data };
  });
}

function factorsOf(
  { rank }: LoraAdapter,
  { inputSize, outputSize, down, up }: LoraPair,
): { down: FlatMatrix; up: FlatMatrix } {
  return {
    down: { rows: rank, columns: inputSize, data: down },
    up: { rows: outputSize, columns: rank, data: up },
  };
}

function matrixOf({ matrices }: TrainableMatrices, { name, outputSize, inputSize }: LoraPair): FlatMatrix {
  const matrix = matrices.find((candidate) => candidate.name === name);
  if (matrix === undefined) throw new RangeError(`The model has no matrix ${name}`);
  return { rows: outputSize, columns: inputSize, data: matrix.data };
}
