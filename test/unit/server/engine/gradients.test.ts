import { init } from '@jax-js/jax';
import { beforeAll, describe, expect, it } from 'vitest';
import { randomBaseModel, readModelConfig } from '../../../../src/server/engine/base-model.ts';
import type { BaseModelWeights } from '../../../../src/server/engine/base-model.ts';
import { uploadWeights } from '../../../../src/server/engine/graph/device-weights.ts';
import { ShapeLog } from '../../../../src/server/engine/graph/shape-log.ts';
import { Transformer } from '../../../../src/server/engine/graph/transformer.ts';
import { allocateMatrices, copyMatrices } from '../../../../src/server/engine/model-weights.ts';
import type { TrainableMatrices } from '../../../../src/server/engine/model-weights.ts';
import { RandomStream } from '../../../../src/server/engine/random-stream.ts';
import {
  createAdapter,
  factorGradients,
  mergeAdapter,
} from '../../../../src/server/engine/training/lora-adapter.ts';
import { packTexts } from '../../../../src/server/engine/training/packing.ts';
import { scoreTargets, writeLogitsGradient } from '../../../../src/server/engine/training/token-scores.ts';
import { fullLora, modelsDirectory } from './fixtures.ts';

let model: BaseModelWeights;
let transformer: Transformer;

beforeAll(async () => {
  await init('wasm');
  const config = await readModelConfig(`${modelsDirectory}/local/random`);
  model = randomBaseModel(config, 5n);
  transformer = new Transformer(config, new ShapeLog(() => 0));
});

/** Texts of random tokens with random targets and coefficients, of which some are zero and some negative. */
function randomTexts(lengths: number[]) {
  const random = new RandomStream(8n);
  const tokens = (length: number) =>
    Int32Array.from({ length }, () => Math.floor(random.next() * model.config.vocabularySize));
  return lengths.map((length) => ({
    tokens: tokens(length),
    targets: tokens(length),
    coefficients: Float32Array.from({ length }, (_, index) =>
      index % 3 === 0 ? 0 : 2 * random.next() - 0.7,
    ),
  }));
}

/** Minus the weighted sum of log-probabilities, and with `sums` its gradient. */
function evaluate(
  texts: ReturnType<typeof randomTexts>,
  matrices: TrainableMatrices,
  sums?: TrainableMatrices,
): number {
  const size = model.config.vocabularySize;
  using weights = uploadWeights(model.config, model.frozen, matrices);
  let loss = 0;
  for (const pack of packTexts(texts.map(({ tokens }) => tokens))) {
    const { logits, tape } = transformer.forward(pack.row, model.frozen, weights);
    using _tape = tape;
    const gradient = new Float32Array(logits.length);
    for (const { index, begin } of pack.texts) {
      const text = texts[index];
      if (text === undefined) throw new RangeError('no such text');
      const scored = { logits, vocabularySize: size, begin, targets: text.targets, targetCount: 1 };
      const scores = scoreTargets(scored);
      for (const [place, logprob] of scores.logprobs.entries())
        loss -= (text.coefficients[place] ?? 0) * logprob;
      writeLogitsGradient(gradient, scored, scores, text.coefficients);
    }
    if (sums !== undefined) transformer.backward(tape, gradient, weights, sums);
  }
  return loss;
}

const dot = (left: Float32Array, right: Float32Array) =>
  left.reduce((sum, value, index) => sum + value * (right[index] ?? 0), 0);

/** Half along the gradient, so that there is something to measure, and half anywhere. */
function direction(gradient: Float32Array, seed: bigint): Float32Array {
  const random = new RandomStream(seed);
  const length = Math.sqrt(dot(gradient, gradient));
  const spread = 1 / Math.sqrt(gradient.length);
  return gradient.map((slope) => slope / length + spread * (2 * random.next() - 1));
}

/** The slope of `loss` along a direction of `parameters`, by a small step each way. */
function slopeAlong(parameters: Float32Array, along: Float32Array, loss: () => number): number {
  const step = 2e-2;
  const original = parameters.slice();
  const at = (distance: number) => {
    parameters.set(original.map((value, index) => value + distance * (along[index] ?? 0)));
    return loss();
  };
  const slope = (at(step) - at(-step)) / (2 * step);
  parameters.set(original);
  return slope;
}

const firstLayer = 'model.layers.0.';
const kinds = ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'];

describe('gradients', () => {
  it.each([
    ['one short row with two texts', [20, 30]],
    ['a row of several query blocks with two texts', [150, 60]],
  ])('equal finite differences for every kind of matrix in %s', (_title, lengths) => {
    const texts = randomTexts(lengths);
    const matrices = copyMatrices(model.config, model.matrices);
    const sums = allocateMatrices(model.config);
    evaluate(texts, matrices, sums);
    const checked = matrices.matrices.filter(({ name }) => name === 'lm_head' || name.startsWith(firstLayer));
    expect(checked.map(({ name }) => name.slice(name.lastIndexOf('.') + 1))).toEqual([...kinds, 'lm_head']);
    for (const { name, data } of checked) {
      const gradient = sums.matrices.find((matrix) => matrix.name === name)?.data ?? new Float32Array(0);
      const along = direction(gradient, 17n);
      const expected = dot(gradient, along);
      const measured = slopeAlong(data, along, () => evaluate(texts, matrices));
      expect(
        Math.abs(measured / expected - 1),
        `${name}: ${measured} measured, ${expected} computed`,
      ).toBeLessThan(0.01);
    }
  });

  it('of both factors of an adapter equal finite differences through the merged weights', () => {
    const texts = randomTexts([24]);
    const adapter = createAdapter(model.matrices.matrices, { ...fullLora, rank: 3 }, new RandomStream(2n));
    const random = new RandomStream(4n);
    for (const { up } of adapter.pairs) up.set(up.map(() => 0.02 * random.normal()));
    const merged = () => {
      const weights = copyMatrices(model.config, model.matrices);
      mergeAdapter(adapter, weights);
      return weights;
    };
    const sums = allocateMatrices(model.config);
    evaluate(texts, merged(), sums);
    const gradients = factorGradients(adapter, sums);
    for (const [index, pair] of adapter.pairs.entries()) {
      if (!pair.name.startsWith('model.layers.2.') && pair.name !== 'lm_head') continue;
      for (const factor of ['down', 'up'] as const) {
        const gradient = gradients[index]?.[factor] ?? new Float32Array(0);
        const along = direction(gradient, 23n).map((value) => value / 8);
        const expected = dot(gradient, along);
        const measured = slopeAlong(pair[factor], along, () => evaluate(texts, merged()));
        expect(Math.abs(measured / expected - 1), `${pair.name} ${factor}`).toBeLessThan(0.02);
      }
    }
  });
});
