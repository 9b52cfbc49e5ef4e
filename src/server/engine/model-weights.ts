import type { ModelConfig } from './model-config.ts';

/** The matrices of a block that adapters attach to, by their place in the Llama tree of modules. */
const attentionNames = ['q_proj', 'k_proj', 'v_proj', 'o_proj'] as const;
const mlpNames = ['gate_proj', 'up_proj', 'down_proj'] as const;

/** One matrix `[outputSize, inputSize]` of the model, as a view into the fused array of its layer. */
export interface Matrix {
  /** Module path, such as `model.layers.0.self_attn.q_proj`. */
  name: string;
  part: 'attention' | 'mlp' | 'unembedding';
  outputSize: number;
  inputSize: number;
  data: Float32Array;
}

/** Matrices that are multiplied with the same input lie in one array, so that one product serves them all. */
export interface LayerMatrices {
  queryKeyValue: Float32Array;
  attentionOutput: Float32Array;
  gateUp: Float32Array;
  down: Float32Array;
}

/** Every matrix that can be trained: the blocks' and the unembedding; also the shape of a gradient. */
export interface TrainableMatrices {
  layers: LayerMatrices[];
  unembedding: Float32Array;
  /** The same numbers one by one, in the order of the model. */
  matrices: Matrix[];
}

export interface FrozenWeights {
  embedding: Float32Array;
  attentionNorms: Float32Array[];
  mlpNorms: Float32Array[];
  finalNorm: Float32Array;
}

export function allocateMatrices(config: ModelConfig): TrainableMatrices {
  const { hiddenSize: hidden, intermediateSize: inner } = config;
  const matrices: Matrix[] = [];
  const view = (
    fused: Float32Array,
    name: string,
    part: Matrix['part'],
    firstRow: number,
    outputSize: number,
    inputSize: number,
  ) =>
    matrices.push({
      name,
      part,
      outputSize,
      inputSize,
      data: fused.subarray(firstRow * inputSize, (firstRow + outputSize) * inputSize),
    });
  const layers = Array.from({ length: config.layerCount }, (_, index) => {
    const layer: LayerMatrices = {
      queryKeyValue: new Float32Array(3 * hidden * hidden),
      attentionOutput: new Float32Array(hidden * hidden),
      gateUp: new Float32Array(2 * inner * hidden),
      down: new Float32Array(hidden * inner),
    };
    const attention = `model.layers.${index}.self_attn.`;
    const mlp = `model.layers.${index}.mlp.`;
    const [query, key, value, output] = attentionNames;
    const [gate, up, down] = mlpNames;
    view(layer.queryKeyValue, attention + query, 'attention', 0, hidden, hidden);
    view(layer.queryKeyValue, attention + key, 'attention', hidden, hidden, hidden);
    view(layer.queryKeyValue, attention + value, 'attention', 2 * hidden, hidden, hidden);
    view(layer.attentionOutput, attention + output, 'attention', 0, hidden, hidden);
    view(layer.gateUp, mlp + gate, 'mlp', 0, inner, hidden);
    view(layer.gateUp, mlp + up, 'mlp', inner, inner, hidden);
    view(layer.down, mlp + down, 'mlp', 0, hidden, inner);
    return layer;
  });
  const unembedding = new Float32Array(config.vocabularySize * hidden);
  view(unembedding, 'lm_head', 'unembedding', 0, config.vocabularySize, hidden);
  return { layers, unembedding, matrices };
}

export function parameterCount(config: ModelConfig): number {
  const { hiddenSize: hidden, intermediateSize: inner, vocabularySize, layerCount } = config;
  const perLayer = 4 * hidden * hidden + 3 * hidden * inner + 2 * hidden;
  return 2 * vocabularySize * hidden + layerCount * perLayer + hidden;
}

export function addMatrices(sums: TrainableMatrices, { matrices }: TrainableMatrices): void {
  for (const [index, { data }] of sums.matrices.entries()) {
    const addend = matrices[index]?.data ?? new Float32Array(0);
    for (let place = 0; place < data.length; place++) data[place] = (data[place] ?? 0) + (addend[place] ?? 0);
  }
}

export function copyMatrices(config: ModelConfig, source: TrainableMatrices): TrainableMatrices {
  const copy = allocateMatrices(config);
  for (const [index, { data }] of copy.matrices.entries()) {
    const original = source.matrices[index];
    if (original !== undefined) data.set(original.data);
  }
  return copy;
}
