import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Engine } from '../../../../src/server/engine/engine.ts';
import { createEngine } from '../../../../src/server/engine/index.ts';
import { decodeSafetensors } from '../../../../src/server/engine/safetensors.ts';
import { adam, fullLora, modelsDirectory, sampleTask, textRow } from './fixtures.ts';

let engine: Engine;
let root: string;
let count = 0;

beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'tinker-engine-'));
  engine = createEngine({ modelsDirectory, randomSeed: 1n });
});
afterAll(async () => {
  await engine.close();
  await rm(root, { recursive: true });
});

const folder = () => path.join(root, String(count++));
const row = textRow('The purple dragon drinks tea.');

async function newModel(changes: Partial<typeof fullLora> = {}, baseModel = 'local/random'): Promise<string> {
  const modelId = `model-${count++}`;
  await engine.createModel({ modelId, baseModel, lora: { ...fullLora, ...changes } });
  return modelId;
}

const pass = (modelId: string, forwardOnly = false) =>
  engine.forwardBackward({ modelId, rows: [row], loss: 'cross_entropy', lossConfig: {}, forwardOnly });

async function train(modelId: string, steps: number): Promise<void> {
  for (let step = 0; step < steps; step++) {
    await pass(modelId);
    await engine.optimStep(modelId, adam);
  }
}

async function saved(modelId: string, includeOptimizer: boolean): Promise<string> {
  const directory = folder();
  await engine.saveModel({ modelId, directory, includeOptimizer });
  return directory;
}

describe('checkpoints', () => {
  it('are PEFT folders: config, and factors under the names that PEFT reads', async () => {
    const directory = await saved(await newModel({ rank: 4, train_mlp: false }), false);
    expect((await readdir(directory)).toSorted()).toEqual([
      'adapter_config.json',
      'adapter_model.safetensors',
    ]);
    expect(JSON.parse(await readFile(path.join(directory, 'adapter_config.json'), 'utf8'))).toMatchObject({
      peft_type: 'LORA',
      task_type: 'CAUSAL_LM',
      base_model_name_or_path: 'local/random',
      r: 4,
      lora_alpha: 32,
      bias: 'none',
      target_modules: ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'lm_head'],
    });
    const file = await readFile(path.join(directory, 'adapter_model.safetensors'));
    const { tensors } = decodeSafetensors(file, 'adapter');
    const layers = [0, 1, 2, 3].flatMap((layer) =>
      ['q', 'k', 'v', 'o'].map((kind) => `model.layers.${layer}.self_attn.${kind}_proj`),
    );
    const names = [...layers, 'lm_head'].flatMap((name) =>
      ['A', 'B'].map((factor) => `base_model.model.${name}.lora_${factor}.weight`),
    );
    expect([...tensors.keys()].toSorted()).toEqual(names.toSorted());
    expect(tensors.get('base_model.model.lm_head.lora_A.weight')?.shape).toEqual([4, 128]);
    expect(tensors.get('base_model.model.lm_head.lora_B.weight')?.shape).toEqual([512, 4]);
  });

  it('with the optimizer go on exactly as the model would have', async () => {
    const [model, restored] = [await newModel({ seed: 1 }), await newModel({ seed: 2 })];
    await train(model, 3);
    const directory = await saved(model, true);
    expect((await readdir(directory)).toSorted()).toEqual([
      'adapter_config.json',
      'adapter_model.safetensors',
      'optimizer.safetensors',
    ]);
    await engine.loadModel({ modelId: restored, directory, includeOptimizer: true });
    await train(model, 2);
    await train(restored, 2);
    expect(await pass(restored, true)).toEqual(await pass(model, true));
    await pass(restored);
    expect((await engine.optimStep(restored, adam)).metrics).toMatchObject({ step: 6 });
  });

  it('without the optimizer give the weights and start it anew', async () => {
    const [model, restored] = [await newModel({ seed: 1 }), await newModel({ seed: 2 })];
    await train(model, 3);
    const directory = await saved(model, true);
    await engine.loadModel({ modelId: restored, directory, includeOptimizer: false });
    expect(await pass(restored, true)).toEqual(await pass(model, true));
    await train(model, 1);
    await pass(restored);
    expect((await engine.optimStep(restored, adam)).metrics).toMatchObject({ step: 1 });
    expect(await pass(restored, true)).not.toEqual(await pass(model, true));
  });

  it('clear the accumulated gradient when they are loaded', async () => {
    const model = await newModel();
    const directory = await saved(model, true);
    await pass(model);
    await engine.loadModel({ modelId: model, directory, includeOptimizer: true });
    expect((await engine.optimStep(model, adam)).metrics).toMatchObject({ grad_norm: 0 });
  });

  it('give a sampler the weights that were saved', async () => {
    const model = await newModel();
    await train(model, 2);
    const directory = await saved(model, false);
    await engine.createSampler({
      samplerId: 'live',
      baseModel: 'local/random',
      from: { kind: 'model', modelId: model },
    });
    await engine.createSampler({
      samplerId: 'saved',
      baseModel: 'local/random',
      from: { kind: 'directory', directory },
    });
    await engine.createSampler({ samplerId: 'base', baseModel: 'local/random', from: { kind: 'base' } });
    await train(model, 1);
    const [live, fromFolder, base] = await Promise.all(
      ['live', 'saved', 'base'].map((samplerId) => engine.sample(sampleTask(samplerId, 'The purple'))),
    );
    expect(fromFolder).toEqual(live);
    expect(base?.sequences[0]?.logprobs).not.toEqual(live?.sequences[0]?.logprobs);
  });

  it.each<[string, (directory: string) => Promise<void>, RegExp]>([
    [
      'no config',
      (directory) => rm(path.join(directory, 'adapter_config.json')),
      /Cannot read .*adapter_config\.json/,
    ],
    [
      'a config that is no JSON',
      (directory) => writeFile(path.join(directory, 'adapter_config.json'), '{'),
      /adapter_config\.json: /,
    ],
    [
      'no weights',
      (directory) => rm(path.join(directory, 'adapter_model.safetensors')),
      /Cannot read .*adapter_model\.safetensors/,
    ],
    [
      'weights cut short',
      (directory) => truncate(path.join(directory, 'adapter_model.safetensors'), 9000),
      /adapter_model\.safetensors is not a readable/,
    ],
    [
      'no optimizer',
      (directory) => rm(path.join(directory, 'optimizer.safetensors')),
      /Cannot read .*optimizer\.safetensors/,
    ],
  ])('with %s are refused, and the model stays as it was', async (_title, damage, message) => {
    const model = await newModel();
    const directory = await saved(model, true);
    await train(model, 1);
    const before = await pass(model, true);
    await damage(directory);
    const load = engine.loadModel({ modelId: model, directory, includeOptimizer: true });
    await expect(load).rejects.toMatchObject({ category: 'user', message: expect.stringMatching(message) });
    expect(await pass(model, true)).toEqual(before);
  });

  it('of another shape or base model are refused by name', async () => {
    const directory = await saved(await newModel({ rank: 4 }), false);
    const load = async (changes: Partial<typeof fullLora>, baseModel?: string) =>
      engine.loadModel({ modelId: await newModel(changes, baseModel), directory, includeOptimizer: false });
    await expect(load({ rank: 8 })).rejects.toThrow(/rank 4, and the model has rank 8/);
    await expect(load({ rank: 4, train_attn: false })).rejects.toThrow(
      /the adapter trains q_proj.* the model trains gate_proj/,
    );
    await expect(load({ rank: 4 }, 'local/stories-1m')).rejects.toThrow(
      /base model local\/random, not local\/stories-1m/,
    );
    const file = path.join(directory, 'adapter_config.json');
    await writeFile(file, (await readFile(file, 'utf8')).replace('"r": 4', '"r": 5'));
    await expect(load({ rank: 5 })).rejects.toThrow(
      /adapter_model\.safetensors: tensor .*lora_A\.weight has shape \[4, 128\], expected \[5, 128\]/,
    );
  });
});
