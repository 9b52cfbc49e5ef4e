import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { EngineError } from './engine-error.ts';
import { parseModelConfig } from './model-config.ts';
import type { ModelConfig } from './model-config.ts';
import { allocateMatrices } from './model-weights.ts';
import type { FrozenWeights, TrainableMatrices } from './model-weights.ts';
import { RandomStream } from './random-stream.ts';
import { decodeSafetensors, encodeSafetensors } from './safetensors.ts';
import type { Tensor } from './safetensors.ts';
import { messageOf } from '../../core/thrown.ts';

export interface BaseModelWeights {
  config: ModelConfig;
  frozen: FrozenWeights;
  matrices: TrainableMatrices;
}

/** Reads `config.json` and `model.safetensors` of a model folder, or draws the weights if the config has a seed. */
export async function loadBaseModel(directory: string): Promise<BaseModelWeights> {
  const config = await readModelConfig(directory);
  if (config.randomSeed !== undefined) return randomBaseModel(config, BigInt(config.randomSeed));
  const file = path.join(directory, 'model.safetensors');
  const { tensors } = decodeSafetensors(await readOrRefuse(file), file);
  return fillFrom(config, (name, shape, data) => data.set(requireTensor(tensors, name, shape, file)));
}

export async function readModelConfig(directory: string): Promise<ModelConfig> {
  const file = path.join(directory, 'config.json');
  return parseModelConfig(JSON.parse((await readOrRefuse(file)).toString('utf8')), file);
}

/** Normal weights; what a block adds to its input starts smaller the deeper the model is. */
export function randomBaseModel(config: ModelConfig, seed: bigint): BaseModelWeights {
  const random = new RandomStream(seed);
  const blockScale = 1 / Math.sqrt(2 * config.layerCount);
  return fillFrom(config, (name, shape, data) => {
    if (name.endsWith('norm.weight')) {
      data.fill(1);
      return;
    }
    const isBlockOutput = name.includes('o_proj') || name.includes('down_proj');
    const deviation = shape.length === 2 ? (isBlockOutput ? blockScale : 1) / Math.sqrt(shape[1] ?? 1) : 1;
    for (let index = 0; index < data.length; index++) data[index] = random.normal() * deviation;
  });
}

/** The bytes of `model.safetensors`, with the names that Llama readers expect. */
export function encodeBaseModel({ config, frozen, matrices }: BaseModelWeights): Uint8Array {
  const tensors = new Map<string, Tensor>();
  visit(config, frozen, matrices, (name, shape, data) => tensors.set(name, { shape, data }));
  return encodeSafetensors(tensors, { format: 'pt' });
}

type Visitor = (name: string, shape: number[], data: Float32Array) => void;

function fillFrom(config: ModelConfig, visitor: Visitor): BaseModelWeights {
  const { hiddenSize, layerCount, vocabularySize } = config;
  const norms = () => Array.from({ length: layerCount }, () => new Float32Array(hiddenSize));
  const frozen: FrozenWeights = {
    embedding: new Float32Array(vocabularySize * hiddenSize),
    attentionNorms: norms(),
    mlpNorms: norms(),
    finalNorm: new Float32Array(hiddenSize),
  };
  const matrices = allocateMatrices(config);
  visit(config, frozen, matrices, visitor);
  return { config, frozen, matrices };
}

function visit(
  config: ModelConfig,
  frozen: FrozenWeights,
  { matrices }: TrainableMatrices,
  visitor: Visitor,
): void {
  visitor('model.embed_tokens.weight', [config.vocabularySize, config.hiddenSize], frozen.embedding);
  for (const { name, outputSize, inputSize, data } of matrices)
    visitor(`${name}.weight`, [outputSize, inputSize], data);
  for (const [index, norm] of frozen.attentionNorms.entries()) {
    visitor(`model.layers.${index}.input_layernorm.weight`, [config.hiddenSize], norm);
  }
  for (const [index, norm] of frozen.mlpNorms.entries()) {
    visitor(`model.layers.${index}.post_attention_layernorm.weight`, [config.hiddenSize], norm);
  }
  visitor('model.norm.weight', [config.hiddenSize], frozen.finalNorm);
}

/** A tensor by name; a missing one or one of another shape is refused with the file's name. */
export function requireTensor(
  tensors: ReadonlyMap<string, Tensor>,
  name: string,
  shape: number[],
  file: string,
): Float32Array {
  const tensor = tensors.get(name);
  if (tensor === undefined) throw new EngineError('user', `${file} has no tensor ${name}`);
  if (tensor.shape.join() !== shape.join()) {
    throw new EngineError(
      'user',
      `${file}: tensor ${name} has shape [${tensor.shape.join(', ')}], expected [${shape.join(', ')}]`,
    );
  }
  return tensor.data;
}

/** The bytes of a file; one that cannot be read is the caller's to mend. */
export async function readOrRefuse(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    throw new EngineError('user', `Cannot read ${file}: ${messageOf(error)}`, { cause: error });
  }
}
