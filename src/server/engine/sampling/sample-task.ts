import { EngineError } from '../engine-error.ts';
import type { SampleResult, SampleTask } from '../engine.ts';
import type { LayerMemory } from '../graph/transformer.ts';
import type { LoadedBase } from '../loaded-base.ts';
import { RandomStream } from '../random-stream.ts';
import { logSumExp } from '../training/token-scores.ts';
import { checkTokens } from '../training/row-checks.ts';
import { chooseToken } from './token-choice.ts';
import type { PromptScores } from './prompt-scores.ts';
import { StopRule } from './stop-rule.ts';
import { TopkRows } from './topk-rows.ts';

/** One of the sequences that a task asks for, as far as it has come. */
export class Sequence {
  readonly task: RunningTask;
  readonly tokens: number[] = [];
  readonly logprobs: number[] = [];
  stopReason: 'stop' | 'length' | undefined;
  /** The likeliest tokens of each place, where they are asked for. */
  readonly topk: TopkRows | undefined;
  readonly #random: RandomStream;

  constructor(task: RunningTask, index: number) {
    const { topkSample = 0 } = task.request;
    this.task = task;
    this.topk = topkSample > 0 ? new TopkRows(topkSample) : undefined;
    this.#random = new RandomStream(task.seed, index);
  }

  /**
   * Draws the next token from the logits after the last one. Its log-probability is that of the model as the trainer
   * computes it: at temperature 1, before top_k and top_p.
   */
  extend(logits: Float32Array): void {
    const token = chooseToken(logits, this.task.request, this.#random.next());
    this.tokens.push(token);
    this.logprobs.push((logits[token] ?? 0) - logSumExp(logits));
    this.topk?.add(logits);
    if (this.task.stopRule.isStop(this.tokens)) this.stopReason = 'stop';
    else if (this.tokens.length >= this.task.maxTokens) this.stopReason = 'length';
  }
}

/** A checked sampling request and what its sequences share. */
export class RunningTask {
  readonly request: SampleTask;
  readonly maxTokens: number;
  readonly seed: bigint;
  readonly stopRule: StopRule;
  readonly sequences: Sequence[];
  promptScores: PromptScores = {};
  /** Keys and values of the prompt, once it has been run. */
  memory: LayerMemory[] = [];

  constructor(request: SampleTask, base: LoadedBase, drawSeed: () => bigint) {
    this.request = request;
    this.maxTokens = checkedMaxTokens(request, base);
    this.seed = request.seed ?? drawSeed();
    const ends = request.stopAtEndOfSequence ? base.config.endTokens : [];
    this.stopRule = new StopRule(base.tokenizer, [...request.stopTokens, ...ends], request.stopStrings);
    this.sequences = Array.from({ length: request.numSamples }, (_, index) => new Sequence(this, index));
  }

  /** Ends all of its sequences as they are. */
  stop(): void {
    for (const sequence of this.sequences) sequence.stopReason ??= 'stop';
  }

  get isDone(): boolean {
    return this.sequences.every(({ stopReason }) => stopReason !== undefined);
  }

  result(): SampleResult {
    return {
      sequences: this.sequences.map(({ tokens, logprobs, stopReason, topk }) => ({
        tokens: Int32Array.from(tokens),
        logprobs: Float32Array.from(logprobs),
        stopReason: stopReason ?? 'length',
        topk: topk?.table(),
      })),
      ...this.promptScores,
    };
  }
}

function checkedMaxTokens(
  { prompt, numSamples, maxTokens, temperature, topK, topP, stopTokens, stopStrings }: SampleTask,
  base: LoadedBase,
): number {
  const { contextLength, vocabularySize } = base.config;
  const refuse = (problem: string): never => {
    throw new EngineError('user', problem);
  };
  const range = `the vocabulary is 0 to ${vocabularySize - 1}`;
  if (prompt.length === 0) refuse('prompt has no tokens');
  checkTokens(prompt, vocabularySize, (token) => refuse(`prompt has token ${token}, and ${range}`));
  checkTokens(Int32Array.from(stopTokens), vocabularySize, (token) =>
    refuse(`stop has token ${token}, and ${range}`),
  );
  if (stopStrings.includes('')) refuse('stop has an empty string');
  if (!Number.isInteger(numSamples) || numSamples < 1)
    refuse(`num_samples must be a positive integer, not ${numSamples}`);
  if (!Number.isFinite(temperature) || temperature < 0)
    refuse(`temperature must be a number from 0 on, not ${temperature}`);
  if (!Number.isInteger(topK) || topK < -1 || topK === 0)
    refuse(`top_k must be a positive integer, or -1 for no limit, not ${topK}`);
  if (!(topP > 0 && topP <= 1)) refuse(`top_p must be above 0 and at most 1, not ${topP}`);
  const room = contextLength - prompt.length;
  if (maxTokens === undefined) {
    if (room < 1)
      refuse(
        `The prompt has ${prompt.length} tokens, and the model's context of ${contextLength} leaves no room to sample`,
      );
    return room;
  }
  if (!Number.isInteger(maxTokens) || maxTokens < 1)
    refuse(`max_tokens must be a positive integer, not ${maxTokens}`);
  if (maxTokens > room) {
    refuse(
      `The prompt has ${prompt.length} tokens and max_tokens is ${maxTokens}: together more than the model's context of ${contextLength}`,
    );
  }
  return maxTokens;
}
