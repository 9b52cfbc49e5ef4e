import { numpy as np } from '@jax-js/jax';
import type { Array } from '@jax-js/jax';
import type { ModelConfig } from '../model-config.ts';
import type { FrozenWeights, TrainableMatrices } from '../model-weights.ts';
import type { LayerWeights } from './layer-forward.ts';

/** A model's weights in the memory of jax-js. They live for one task and are disposed after it. */
export interface DeviceWeights extends Disposable {
  layers: LayerWeights[];
  finalNorm: Array;
  unembedding: Array;
}

export function uploadWeights(
  config: ModelConfig,
  frozen: FrozenWeights,
  trainable: TrainableMatrices,
): DeviceWeights {
  const { hiddenSize: hidden, intermediateSize: inner, vocabularySize } = config;
  const upload = (data: Float32Array, shape: number[]) => np.array(asOwnBuffer(data), { shape });
  const layers = trainable.layers.map((matrices, index): LayerWeights => ({
    queryKeyValue: upload(matrices.queryKeyValue, [3 * hidden, hidden]),
    attentionOutput: upload(matrices.attentionOutput, [hidden, hidden]),
    gateUp: upload(matrices.gateUp, [2 * inner, hidden]),
    down: upload(matrices.down, [hidden, inner]),
    attentionNorm: upload(frozen.attentionNorms[index] ?? new Float32Array(hidden), [hidden]),
    mlpNorm: upload(frozen.mlpNorms[index] ?? new Float32Array(hidden), [hidden]),
  }));
  const finalNorm = upload(frozen.finalNorm, [hidden]);
  const unembedding = upload(trainable.unembedding, [vocabularySize, hidden]);
  return {
    layers,
    finalNorm,
    unembedding,
    [Symbol.dispose]: () => {
      for (const layer of layers) for (const array of Object.values(layer)) array.dispose();
      finalNorm.dispose();
      unembedding.dispose();
    },
  };
}

/** Another handle on the same weights, for a call that consumes its arguments. */
export function shareWeights(weights: LayerWeights): LayerWeights {
  const { queryKeyValue, attentionOutput, gateUp, down, attentionNorm, mlpNorm } = weights;
  return {
    queryKeyValue: queryKeyValue.ref,
    attentionOutput: attentionOutput.ref,
    gateUp: gateUp.ref,
    down: down.ref,
    attentionNorm: attentionNorm.ref,
    mlpNorm: mlpNorm.ref,
  };
}

/** jax-js wants arrays on a plain ArrayBuffer. */
export function asOwnBuffer(data: Float32Array): Float32Array<ArrayBuffer> {
  return data.buffer instanceof ArrayBuffer
    ? new Float32Array(data.buffer, data.byteOffset, data.length)
    : new Float32Array(data);
}
