import { setImmediate as nextTurn } from 'node:timers/promises';
import { uploadWeights } from '../graph/device-weights.ts';
import type { DeviceWeights } from '../graph/device-weights.ts';
import { Transformer } from '../graph/transformer.ts';
import type { LoadedBase } from '../loaded-base.ts';
import type { TrainableMatrices } from '../model-weights.ts';
import { padText } from '../training/packing.ts';
import { DecodeBatch } from './decode-batch.ts';
import type { Decoder } from './decode-batch.ts';
import { scorePrompt } from './prompt-scores.ts';
import type { RunningTask, Sequence } from './sample-task.ts';

/** How many sequences are extended together, at most; a single one has a smaller shape of its own. */
const batchSize = 8;

/** Steps after which others may use the thread's event loop, to hand in tasks that can join. */
const stepsPerTurn = 8;

/** Weights to sample from, as they were when the sampler was made. */
export interface SamplerWeights {
  base: LoadedBase;
  matrices: TrainableMatrices;
  decoder: Decoder;
}

/** What a run asks of whoever started it. */
export interface SamplingHost {
  /** A task of the same weights that has arrived since; undefined when the next call is none of its own. */
  nextTask(): RunningTask | undefined;
  /** Called with each task when its last sequence has ended. */
  finish(task: RunningTask): void;
  /** Whether a call of another kind waits, for which the run ends its turn once what it has begun is done. */
  othersWait(): boolean;
}

/**
 * A task and those of the same weights that join it: their sequences share a batch, and a free slot takes the next
 * sequence. A run of many sequences takes several turns, so that it does not hold up everything else.
 */
export class SamplingRun {
  readonly #sampler: SamplerWeights;
  readonly #host: SamplingHost;
  /** The task to begin with, until its prompt has run. */
  #first: RunningTask | undefined;
  /** Sequences that have their first token and no slot yet. */
  readonly #waiting: Sequence[] = [];

  constructor(sampler: SamplerWeights, first: RunningTask, host: SamplingHost) {
    this.#sampler = sampler;
    this.#host = host;
    this.#first = first;
  }

  /** Samples until nothing is left (true) or others wait and the sequences that have begun are done (false). */
  async turn(): Promise<boolean> {
    const { base, matrices, decoder } = this.#sampler;
    using weights = uploadWeights(base.config, base.frozen, matrices);
    this.#admit(weights);
    await nextTurn();
    this.#admit(weights);
    const slotCount = this.#waiting.length === 1 ? 1 : batchSize;
    using batch = new DecodeBatch(decoder, weights, base.frozen.embedding, slotCount);
    const running: (Sequence | undefined)[] = Array.from({ length: slotCount }, () => undefined);
    this.#fill(batch, running);
    for (let step = 1; running.some((sequence) => sequence !== undefined); step++) {
      this.#extend(batch, running);
      if (step % stepsPerTurn === 0) await nextTurn();
      if (this.#host.othersWait()) continue;
      if (slotCount > 1) this.#admit(weights);
      this.#fill(batch, running);
    }
    return this.#waiting.length === 0;
  }

  /** Runs the prompts of as many tasks as keep a batch busy. */
  #admit(weights: DeviceWeights): void {
    while (this.#waiting.length < batchSize) {
      const task = this.#first ?? this.#host.nextTask();
      if (task === undefined) return;
      this.#first = undefined;
      const logits = runPrompt(task, this.#sampler.base, weights);
      for (const sequence of task.sequences) sequence.extend(logits);
      this.#waiting.push(...task.sequences.filter(({ stopReason }) => stopReason === undefined));
      if (task.isDone) this.#host.finish(task);
    }
  }

  #fill(batch: DecodeBatch, running: (Sequence | undefined)[]): void {
    for (const index of running.keys()) {
      if (running[index] !== undefined) continue;
      const sequence = this.#nextWaiting();
      if (sequence === undefined) return;
      batch.load(index, sequence.task.memory, sequence.task.request.prompt.length);
      running[index] = sequence;
    }
  }

  /** The next sequence that has not been stopped while it waited. */
  #nextWaiting(): Sequence | undefined {
    for (;;) {
      const sequence = this.#waiting.shift();
      if (sequence?.stopReason === undefined) return sequence;
    }
  }

  #extend(batch: DecodeBatch, running: (Sequence | undefined)[]): void {
    const size = this.#sampler.base.config.vocabularySize;
    const logits = batch.step(running.map((sequence) => sequence?.tokens.at(-1)));
    for (const [index, sequence] of running.entries()) {
      if (sequence === undefined) continue;
      if (sequence.stopReason === undefined)
        sequence.extend(logits.subarray(index * size, (index + 1) * size));
      if (sequence.stopReason === undefined) continue;
      running[index] = undefined;
      if (sequence.task.isDone) this.#host.finish(sequence.task);
    }
  }
}

/** Runs the prompt once for all sequences of a task; returns the logits after its last token. */
function runPrompt(task: RunningTask, base: LoadedBase, weights: DeviceWeights): Float32Array {
  const { prompt } = task.request;
  const { vocabularySize } = base.config;
  const { logits, tape } = base.transformer.forward(padText(prompt), base.frozen, weights);
  using _tape = tape;
  task.memory = Transformer.memory(tape);
  task.promptScores = scorePrompt(task.request, task.seed, logits, vocabularySize);
  return logits.slice((prompt.length - 1) * vocabularySize, prompt.length * vocabularySize);
}
