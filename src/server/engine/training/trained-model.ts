import type { AdamParams } from '../../../types/training.ts';
import { EngineError } from '../engine-error.ts';
import type { ForwardBackwardResult, TrainingRow } from '../engine.ts';
import { uploadWeights } from '../graph/device-weights.ts';
import type { LoadedBase } from '../loaded-base.ts';
import { addMatrices, allocateMatrices, copyMatrices } from '../model-weights.ts';
import type { TrainableMatrices } from '../model-weights.ts';
import { adamStep, clipToNorm, globalNorm, zeroMoments } from './adamw.ts';
import type { Moments } from './adamw.ts';
import { factorGradients, mergeAdapter } from './lora-adapter.ts';
import type { LoraAdapter } from './lora-adapter.ts';
import type { Loss } from './losses.ts';
import { packTexts } from './packing.ts';
import { checkFinite, checkRows } from './row-checks.ts';
import { scoreTargets, writeLogitsGradient } from './token-scores.ts';

/** Moments of one adapter, pair by pair in its order, and how many steps they have seen. */
export interface OptimizerState {
  step: number;
  moments: { down: Moments; up: Moments }[];
}

/** One adapter in training on a base model, with its accumulated gradient and its optimizer. */
export class TrainedModel {
  readonly base: LoadedBase;
  #adapter: LoraAdapter;
  #optimizer: OptimizerState;
  /** Of the merged matrices; none before the first backward pass after a step. */
  #gradients: TrainableMatrices | undefined;
  /** The base's weights with the adapter added, until the adapter changes. */
  #merged: TrainableMatrices | undefined;

  constructor(base: LoadedBase, adapter: LoraAdapter) {
    this.base = base;
    this.#adapter = adapter;
    this.#optimizer = freshOptimizer(adapter);
  }

  get adapter(): LoraAdapter {
    return this.#adapter;
  }

  get optimizer(): OptimizerState {
    return this.#optimizer;
  }

  /** The weights to run with. Treat them as read only: they are replaced, not changed, when the adapter changes. */
  merged(): TrainableMatrices {
    if (this.#merged === undefined) {
      this.#merged = copyMatrices(this.base.config, this.base.matrices);
      mergeAdapter(this.#adapter, this.#merged);
    }
    return this.#merged;
  }

  /** Takes over saved weights, and moments if given; the accumulated gradient is dropped. */
  replace(adapter: LoraAdapter, optimizer: OptimizerState | undefined): void {
    this.#adapter = adapter;
    this.#optimizer = optimizer ?? freshOptimizer(adapter);
    this.#gradients = undefined;
    this.#merged = undefined;
  }

  forwardBackward(rows: readonly TrainingRow[], loss: Loss, forwardOnly: boolean): ForwardBackwardResult {
    const { config, frozen, transformer } = this.base;
    checkRows(rows, loss, config);
    using weights = uploadWeights(config, frozen, this.merged());
    const logprobs: Float32Array[] = rows.map(() => new Float32Array(0));
    // Added to what the model has only when every row was fine: nothing of a refused call may count.
    const gradients = forwardOnly ? undefined : allocateMatrices(config);
    let lossSum = 0;
    for (const { row: padded, texts } of packTexts(rows.map(({ tokens }) => tokens))) {
      const { logits, tape } = transformer.forward(padded, frozen, weights);
      using _tape = tape;
      const gradient = new Float32Array(gradients === undefined ? 0 : logits.length);
      for (const { index, begin } of texts) {
        const row = rows[index];
        if (row === undefined) throw new RangeError(`No row ${index}`);
        const { targets, targetCount } = row;
        const text = { logits, vocabularySize: config.vocabularySize, begin, targets, targetCount };
        const scores = scoreTargets(text);
        const { sum, coefficients } = loss.evaluate(row, scores.logprobs);
        checkFinite(index, row, scores.logprobs, loss, { sum, coefficients });
        logprobs[index] = scores.logprobs;
        lossSum += sum;
        if (gradients !== undefined) writeLogitsGradient(gradient, text, scores, coefficients);
      }
      if (gradients !== undefined) transformer.backward(tape, gradient, weights, gradients);
    }
    if (gradients !== undefined) this.#accumulate(gradients);
    return { logprobs, lossSum };
  }

  optimStep(params: AdamParams): Record<string, number> {
    const gradients = factorGradients(this.#adapter, this.#gradients ?? allocateMatrices(this.base.config));
    this.#gradients = undefined;
    const all = gradients.flatMap(({ down, up }) => [down, up]);
    const norm = globalNorm(all);
    if (!Number.isFinite(norm)) {
      throw new EngineError(
        'user',
        'The accumulated gradient is not finite: it was dropped, and the weights are unchanged',
      );
    }
    clipToNorm(all, norm, params.grad_clip_norm);
    this.#optimizer.step++;
    for (const [index, pair] of this.#adapter.pairs.entries()) {
      const gradient = gradients[index];
      const moments = this.#optimizer.moments[index];
      if (gradient === undefined || moments === undefined)
        throw new RangeError(`No gradient for ${pair.name}`);
      adamStep(pair.down, gradient.down, moments.down, this.#optimizer.step, params);
      adamStep(pair.up, gradient.up, moments.up, this.#optimizer.step, params);
    }
    this.#merged = undefined;
    return { grad_norm: norm, learning_rate: params.learning_rate, step: this.#optimizer.step };
  }

  #accumulate(gradients: TrainableMatrices): void {
    if (this.#gradients === undefined) this.#gradients = gradients;
    else addMatrices(this.#gradients, gradients);
  }
}

function freshOptimizer({ pairs }: LoraAdapter): OptimizerState {
  return {
    step: 0,
    moments: pairs.map(({ down, up }) => ({ down: zeroMoments(down.length), up: zeroMoments(up.length) })),
  };
}
