// Pretrains local/stories-1m on generated text and writes its weights: npm run pretrain -- [--steps 3000]
// [--continue] goes on from the weights that are there, with [--seed] for other text than they have seen. The weights
// are written every few hundred steps, so a run may be stopped early. A step takes about half a second.
import { renameSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { init } from '@jax-js/jax';
import {
  encodeBaseModel,
  loadBaseModel,
  randomBaseModel,
  readModelConfig,
} from '../../src/server/engine/base-model.ts';
import type { BaseModelWeights } from '../../src/server/engine/base-model.ts';
import { uploadWeights } from '../../src/server/engine/graph/device-weights.ts';
import type { DeviceWeights } from '../../src/server/engine/graph/device-weights.ts';
import { ShapeLog } from '../../src/server/engine/graph/shape-log.ts';
import { Transformer } from '../../src/server/engine/graph/transformer.ts';
import { allocateMatrices } from '../../src/server/engine/model-weights.ts';
import type { TrainableMatrices } from '../../src/server/engine/model-weights.ts';
import { adamStep, clipToNorm, globalNorm, zeroMoments } from '../../src/server/engine/training/adamw.ts';
import { scoreTargets, writeLogitsGradient } from '../../src/server/engine/training/token-scores.ts';
import { TokenRows } from './token-rows.ts';

const directory = fileURLToPath(new URL('../../models/local/stories-1m/', import.meta.url));
const { values: options } = parseArgs({
  options: {
    steps: { type: 'string', default: '3000' },
    continue: { type: 'boolean', default: false },
    seed: { type: 'string', default: '11' },
  },
});
const stepCount = Number(options.steps);
const warmupSteps = 100;
const peakRate = options.continue ? 1.5e-3 : 3e-3;
const tokensPerStep = 1024;
const stepsPerCheckpoint = 200;
/** Most steps see short rows, which are cheaper; every fourth a row of the whole context, for the far positions. */
const shortRow = 256;
const stepsPerLongRow = 4;

await init('wasm');
const config = await readModelConfig(directory);
const model = options.continue ? await loadBaseModel(directory) : randomBaseModel(config, 7n);
const transformer = new Transformer(config, new ShapeLog(() => performance.now()));
const rows = new TokenRows(directory, Number(options.seed));
const parameters = [model.frozen.embedding, ...model.matrices.matrices.map(({ data }) => data)];
const moments = parameters.map(({ length }) => zeroMoments(length));
const started = performance.now();
let recentLoss = 0;

for (let step = 1; step <= stepCount; step++) {
  const rowLength = step % stepsPerLongRow === 0 ? tokensPerStep : shortRow;
  const sums = allocateMatrices(config);
  const embeddingGradient = new Float32Array(model.frozen.embedding.length);
  let loss = 0;
  {
    using device = uploadWeights(config, model.frozen, model.matrices);
    for (let row = 0; row < tokensPerStep / rowLength; row++)
      loss += learnRow(rowLength, model, device, sums, embeddingGradient);
  }
  recentLoss += loss / tokensPerStep;
  const gradients = [embeddingGradient, ...sums.matrices.map(({ data }) => data)];
  clipToNorm(gradients, globalNorm(gradients), 1);
  const progress = Math.max(0, step - warmupSteps) / Math.max(1, stepCount - warmupSteps);
  const learningRate =
    peakRate * Math.min(step / warmupSteps, 0.03 + 0.97 * 0.5 * (1 + Math.cos(Math.PI * progress)));
  for (const [index, parameter] of parameters.entries()) {
    const gradient = gradients[index];
    const moment = moments[index];
    if (gradient === undefined || moment === undefined)
      throw new RangeError(`No gradient for parameter ${index}`);
    adamStep(parameter, gradient, moment, step, {
      learning_rate: learningRate,
      beta1: 0.9,
      beta2: 0.98,
      eps: 1e-9,
      weight_decay: 0.02,
      grad_clip_norm: 1,
    });
  }
  if (step % 50 === 0) {
    const seconds = (performance.now() - started) / 1000;
    console.log(`step ${step}/${stepCount}  loss ${(recentLoss / 50).toFixed(3)}  ${seconds.toFixed(0)} s`);
    recentLoss = 0;
  }
  if (step % stepsPerCheckpoint === 0 || step === stepCount) writeWeights(model);
}

/** Adds the gradient of one row's mean loss per token of the step; returns the row's summed loss. */
function learnRow(
  length: number,
  { frozen }: BaseModelWeights,
  device: DeviceWeights,
  sums: TrainableMatrices,
  embeddingGradient: Float32Array,
): number {
  const text = rows.next(length);
  const tokens = text.slice(0, length);
  const targets = text.slice(1);
  const row = {
    tokens,
    positions: Int32Array.from(tokens, (_, index) => index),
    segments: new Int32Array(length),
  };
  const { logits, tape } = transformer.forward(row, frozen, device);
  const scored = { logits, vocabularySize: config.vocabularySize, begin: 0, targets, targetCount: 1 };
  const scores = scoreTargets(scored);
  const gradient = new Float32Array(logits.length);
  const coefficients = new Float32Array(length).fill(1 / tokensPerStep);
  writeLogitsGradient(gradient, scored, scores, coefficients);
  const inputGradient = transformer.backward(tape, gradient, device, sums);
  const size = config.hiddenSize;
  for (const [index, token] of tokens.entries()) {
    for (let column = 0; column < size; column++) {
      const place = token * size + column;
      embeddingGradient[place] =
        (embeddingGradient[place] ?? 0) + (inputGradient[index * size + column] ?? 0);
    }
  }
  return -scores.logprobs.reduce((sum, logprob) => sum + logprob, 0);
}

function writeWeights(weights: BaseModelWeights): void {
  const file = path.join(directory, 'model.safetensors');
  writeFileSync(`${file}.part`, encodeBaseModel(weights));
  renameSync(`${file}.part`, file);
}
