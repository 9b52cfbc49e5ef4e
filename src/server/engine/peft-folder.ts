import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { readOrRefuse, requireTensor } from './base-model.ts';
import { EngineError } from './engine-error.ts';
import type { Matrix } from './model-weights.ts';
import { decodeSafetensors, encodeSafetensors } from './safetensors.ts';
import type { Tensor } from './safetensors.ts';
import { loraAlpha } from './training/lora-adapter.ts';
import type { LoraAdapter, LoraPair } from './training/lora-adapter.ts';
import type { OptimizerState } from './training/trained-model.ts';

const configName = 'adapter_config.json';
const weightsName = 'adapter_model.safetensors';
const optimizerName = 'optimizer.safetensors';

const configSchema = z.object({
  peft_type: z.literal('LORA'),
  base_model_name_or_path: z.string(),
  r: z.int().min(1),
  lora_alpha: z.literal(loraAlpha),
  target_modules: z.array(z.string()).min(1),
});

/** Writes an adapter as PEFT does: its config and its weights, and with them the optimizer's state if given. */
export async function writePeftFolder(
  directory: string,
  baseModel: string,
  adapter: LoraAdapter,
  optimizer: OptimizerState | undefined,
): Promise<void> {
  await mkdir(directory, { recursive: true });
  const modules = new Set(adapter.pairs.map(({ name }) => moduleName(name)));
  const config = {
    peft_type: 'LORA',
    task_type: 'CAUSAL_LM',
    base_model_name_or_path: baseModel,
    r: adapter.rank,
    lora_alpha: loraAlpha,
    lora_dropout: 0,
    target_modules: [...modules],
    bias: 'none',
    fan_in_fan_out: false,
    inference_mode: true,
    init_lora_weights: true,
    modules_to_save: null,
  };
  await writeFile(path.join(directory, configName), `${JSON.stringify(config, undefined, 2)}\n`);
  const weights = new Map(
    adapter.pairs.flatMap((pair) => factorTensors(adapter, pair, pair.down, pair.up, 'weight')),
  );
  await writeFile(path.join(directory, weightsName), encodeSafetensors(weights, { format: 'pt' }));
  if (optimizer === undefined) return;
  const moments = adapter.pairs.flatMap((pair, index) => {
    const moment = optimizer.moments[index];
    if (moment === undefined) throw new RangeError(`No moments for ${pair.name}`);
    return [
      ...factorTensors(adapter, pair, moment.down.first, moment.up.first, 'first_moment'),
      ...factorTensors(adapter, pair, moment.down.second, moment.up.second, 'second_moment'),
    ];
  });
  await writeFile(
    path.join(directory, optimizerName),
    encodeSafetensors(new Map(moments), { step: String(optimizer.step) }),
  );
}

/**
 * Reads an adapter for a base model with these matrices. `expected` says which matrices a model in training has and at
 * which rank; a sampler takes whatever the folder holds.
 */
export async function readPeftFolder(
  directory: string,
  baseModel: string,
  matrices: readonly Matrix[],
  expected?: LoraAdapter,
): Promise<LoraAdapter> {
  const configFile = path.join(directory, configName);
  const refuse = (problem: string): never => {
    throw new EngineError('user', `${configFile}: ${problem}`);
  };
  const parsed = configSchema.safeParse(parseJson(await readOrRefuse(configFile)));
  if (!parsed.success) return refuse(z.prettifyError(parsed.error));
  const { base_model_name_or_path: savedBase, r: rank, target_modules: modules } = parsed.data;
  if (savedBase !== baseModel) refuse(`the adapter belongs to the base model ${savedBase}, not ${baseModel}`);
  const unknown = modules.filter((module) => !matrices.some(({ name }) => moduleName(name) === module));
  if (unknown.length > 0) refuse(`${baseModel} has no module ${unknown.join(', ')}`);
  if (expected !== undefined) {
    if (rank !== expected.rank)
      refuse(`the adapter has rank ${rank}, and the model has rank ${expected.rank}`);
    const wanted = [...new Set(expected.pairs.map(({ name }) => moduleName(name)))];
    if (wanted.toSorted().join() !== modules.toSorted().join()) {
      refuse(`the adapter trains ${modules.join(', ')}, and the model trains ${wanted.join(', ')}`);
    }
  }
  const file = path.join(directory, weightsName);
  const { tensors } = decodeSafetensors(await readOrRefuse(file), file);
  const chosen = matrices.filter(({ name }) => modules.includes(moduleName(name)));
  return {
    rank,
    pairs: chosen.map(({ name, inputSize, outputSize }) => ({
      name,
      inputSize,
      outputSize,
      down: requireTensor(tensors, `${prefix}${name}.lora_A.weight`, [rank, inputSize], file),
      up: requireTensor(tensors, `${prefix}${name}.lora_B.weight`, [outputSize, rank], file),
    })),
  };
}

/** Reads the optimizer's state that was saved with an adapter. */
export async function readOptimizer(
  directory: string,
  { rank, pairs }: LoraAdapter,
): Promise<OptimizerState> {
  const file = path.join(directory, optimizerName);
  const { tensors, metadata } = decodeSafetensors(await readOrRefuse(file), file);
  const step = Number(metadata['step']);
  if (!Number.isInteger(step) || step < 0)
    throw new EngineError('user', `${file} does not say how many steps it has seen`);
  return {
    step,
    moments: pairs.map(({ name, inputSize, outputSize }) => {
      const read = (factor: string, shape: number[]) => ({
        first: requireTensor(tensors, `${prefix}${name}.${factor}.first_moment`, shape, file),
        second: requireTensor(tensors, `${prefix}${name}.${factor}.second_moment`, shape, file),
      });
      return { down: read('lora_A', [rank, inputSize]), up: read('lora_B', [outputSize, rank]) };
    }),
  };
}

/** What PEFT puts before the name of every module it wraps. */
const prefix = 'base_model.model.';

function factorTensors(
  { rank }: LoraAdapter,
  { name, inputSize, outputSize }: LoraPair,
  down: Float32Array,
  up: Float32Array,
  kind: string,
): [string, Tensor][] {
  return [
    [`${prefix}${name}.lora_A.${kind}`, { shape: [rank, inputSize], data: down }],
    [`${prefix}${name}.lora_B.${kind}`, { shape: [outputSize, rank], data: up }],
  ];
}

function moduleName(matrixName: string): string {
  return matrixName.slice(matrixName.lastIndexOf('.') + 1);
}

function parseJson(file: Buffer): unknown {
  try {
    return JSON.parse(file.toString('utf8'));
  } catch {
    return undefined;
  }
}
