import { setImmediate as nextTurn } from 'node:timers/promises';
import { uploadWeights } from '../graph/device-weights.ts';
import type { DeviceWeights } from '../graph/device-weights.ts';
import { Transformer } from '../graph/transformer.ts';
import type { LoadedBase } from '../loaded-base.ts';
import type { TrainableMatrices } from '../model-weights.ts';
import { padText } from '../training/packing.ts';
import { scoreTargets } from '../training/token-scores.ts';
import { DecodeBatch } from './decode-batch.ts';
import type { Decoder } from './decode-batch.ts';
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

/** Where a run gets tasks that have arrived since it began; undefined when the next call is none of its own. */
export type TaskSource = () => RunningTask | undefined;

/**
 * Runs a task to its end, and with it as many others of the same weights as `source` gives: their sequences share the
 * batch, and a free slot takes the next sequence. `finish` is called with each task as it ends.
 */
export async function runTasks(
  { base, matrices, decoder }: SamplerWeights,
  first: RunningTask,
  source: TaskSource,
  finish: (task: RunningTask) => void,
): Promise<void> {
  using weights = uploadWeights(base.config, base.frozen, matrices);
  const waiting: Sequence[] = [];
  const admit = (task: RunningTask) => {
    const logits = runPrompt(task, base, weights);
    for (const sequence of task.sequences) sequence.extend(logits);
    waiting.push(...task.sequences.filter(({ stopReason }) => stopReason === undefined));
    if (task.isDone) finish(task);
  };
  const refill = () => {
    while (waiting.length < batchSize) {
      const task = source();
      if (task === undefined) return;
      admit(task);
    }
  };
  admit(first);
  await nextTurn();
  refill();
  if (waiting.length === 0) return;
  using batch = new DecodeBatch(
    decoder,
    weights,
    base.frozen.embedding,
    waiting.length === 1 ? 1 : batchSize,
  );
  const running: (Sequence | undefined)[] = Array.from({ length: batch.slotCount }, () => undefined);
  for (let step = 1; ; step++) {
    if (step % stepsPerTurn === 0) await nextTurn();
    if (batch.slotCount > 1) refill();
    for (const index of running.keys()) {
      if (running[index] !== undefined) continue;
      const sequence = waiting.shift();
      if (sequence === undefined) break;
      batch.load(index, sequence.task.memory, sequence.task.request.prompt.length);
      running[index] = sequence;
    }
    if (running.every((sequence) => sequence === undefined)) return;
    extendAll(batch, running, base.config.vocabularySize, finish);
  }
}

function extendAll(
  batch: DecodeBatch,
  running: (Sequence | undefined)[],
  vocabularySize: number,
  finish: (task: RunningTask) => void,
): void {
  const logits = batch.step(running.map((sequence) => sequence?.tokens.at(-1)));
  for (const [index, sequence] of running.entries()) {
    if (sequence === undefined) continue;
    sequence.extend(logits.subarray(index * vocabularySize, (index + 1) * vocabularySize));
    if (sequence.stopReason === undefined) continue;
    running[index] = undefined;
    if (sequence.task.isDone) finish(sequence.task);
  }
}

/** Runs the prompt once for all sequences of a task; returns the logits after its last token. */
function runPrompt(task: RunningTask, base: LoadedBase, weights: DeviceWeights): Float32Array {
  const { prompt, promptLogprobs } = task.request;
  const size = base.config.vocabularySize;
  const { logits, tape } = base.transformer.forward(padText(prompt), base.frozen, weights);
  using _tape = tape;
  task.memory = Transformer.memory(tape);
  if (promptLogprobs) {
    const { logprobs } = scoreTargets(logits, size, 0, prompt.subarray(1), 1);
    task.promptLogprobs = Float32Array.of(Number.NaN, ...logprobs);
  }
  return logits.slice((prompt.length - 1) * size, prompt.length * size);
}
