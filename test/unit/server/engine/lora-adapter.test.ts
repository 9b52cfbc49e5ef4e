import { describe, expect, it } from 'vitest';
import { randomBaseModel, readModelConfig } from '../../../../src/server/engine/base-model.ts';
import { copyMatrices } from '../../../../src/server/engine/model-weights.ts';
import { RandomStream } from '../../../../src/server/engine/random-stream.ts';
import { createAdapter, mergeAdapter } from '../../../../src/server/engine/training/lora-adapter.ts';
import { fullLora, modelsDirectory } from './fixtures.ts';

const config = await readModelConfig(`${modelsDirectory}/local/random`);
const { matrices } = randomBaseModel(config, 1n);
const adapterOf = (changes: Partial<typeof fullLora>, seed = 1n) =>
  createAdapter(matrices.matrices, { ...fullLora, ...changes }, new RandomStream(seed));
const modules = (changes: Partial<typeof fullLora>) => [
  ...new Set(adapterOf(changes).pairs.map(({ name }) => name.slice(name.lastIndexOf('.') + 1))),
];

describe('LoRA adapters', () => {
  it('have rank rows, A within the Kaiming bound by seed, and B zero', () => {
    const { pairs } = adapterOf({ rank: 5 });
    for (const { down, up, inputSize, outputSize } of pairs) {
      expect([down.length, up.length]).toEqual([5 * inputSize, 5 * outputSize]);
      const largest = down.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      expect(largest).toBeLessThanOrEqual(1 / Math.sqrt(inputSize));
      expect(largest).toBeGreaterThan(0.95 / Math.sqrt(inputSize));
      expect(up.every((value) => value === 0)).toBe(true);
    }
    expect(adapterOf({}, 7n).pairs).toEqual(adapterOf({}, 7n).pairs);
    expect(adapterOf({}, 7n).pairs[0]?.down).not.toEqual(adapterOf({}, 8n).pairs[0]?.down);
  });

  it('train the parts that are asked for', () => {
    const attention = ['q_proj', 'k_proj', 'v_proj', 'o_proj'];
    const mlp = ['gate_proj', 'up_proj', 'down_proj'];
    expect(modules({})).toEqual([...attention, ...mlp, 'lm_head']);
    expect(modules({ train_mlp: false, train_unembed: false })).toEqual(attention);
    expect(modules({ train_attn: false, train_unembed: false })).toEqual(mlp);
    expect(modules({ train_attn: false, train_mlp: false })).toEqual(['lm_head']);
    const none = { train_attn: false, train_mlp: false, train_unembed: false };
    expect(() => adapterOf(none)).toThrow(/train_attn, train_mlp, train_unembed/);
  });

  it('add alpha over rank times B A to the weights', () => {
    const adapter = adapterOf({ rank: 2, train_mlp: false, train_attn: false });
    const [pair] = adapter.pairs;
    pair?.up.set([3, -1], 0);
    const merged = copyMatrices(config, matrices);
    mergeAdapter(adapter, merged);
    const size = config.hiddenSize;
    for (const column of [0, 1, size - 1]) {
      const factors = (pair?.down[column] ?? 0) * 3 - (pair?.down[size + column] ?? 0);
      expect(merged.unembedding[column]).toBeCloseTo((matrices.unembedding[column] ?? 0) + 16 * factors, 5);
    }
    expect(merged.unembedding.subarray(size)).toEqual(matrices.unembedding.subarray(size));
  });
});
