import type { SampleResult, SampleTask } from '../engine.ts';
import { RandomStream } from '../random-stream.ts';
import { logSumExp, scoreTargets } from '../training/token-scores.ts';
import { chooseToken } from './token-choice.ts';
import { TopkRows } from './topk-rows.ts';

export type PromptScores = Pick<
  SampleResult,
  'promptLogprobs' | 'topkPrompt' | 'targetLogprobs' | 'alternatives'
>;

/** What a task asks about its prompt, from the logits `[rows, vocabularySize]` after each of its tokens. */
export function scorePrompt(
  task: SampleTask,
  seed: bigint,
  logits: Float32Array,
  vocabularySize: number,
): PromptScores {
  const { prompt, promptLogprobs, topkPrompt = 0, promptTargets, promptAlternatives = 0 } = task;
  const first = prompt.length - Math.min(task.promptLogprobsLastN ?? Infinity, prompt.length - 1);
  const rowAfter = (position: number): Float32Array =>
    logits.subarray(position * vocabularySize, (position + 1) * vocabularySize);
  const scores: PromptScores = {};
  if (promptLogprobs) {
    const targets = prompt.subarray(1);
    const { logprobs } = scoreTargets({ logits, vocabularySize, begin: 0, targets, targetCount: 1 });
    scores.promptLogprobs = Float32Array.of(Number.NaN, ...logprobs).fill(Number.NaN, 0, first);
  }
  if (topkPrompt > 0) {
    const rows = new TopkRows(topkPrompt);
    for (let place = 0; place < prompt.length; place++) {
      if (place < first) rows.addUndefined();
      else rows.add(rowAfter(place - 1));
    }
    scores.topkPrompt = rows.table();
  }
  if (promptTargets !== undefined) scores.targetLogprobs = scoreTokens(promptTargets, rowAfter);
  if (promptAlternatives > 0)
    scores.alternatives = drawAlternatives(task, promptAlternatives, seed, rowAfter);
  return scores;
}

function scoreTokens(
  { positions, ids }: NonNullable<SampleTask['promptTargets']>,
  rowAfter: (position: number) => Float32Array,
): Float32Array {
  const normalizers = new Map<number, number>();
  return Float32Array.from(ids, (id, index) => {
    if (id < 0) return 0;
    const position = positions[index] ?? 0;
    const row = rowAfter(position);
    const normalizer = normalizers.get(position) ?? logSumExp(row);
    normalizers.set(position, normalizer);
    return (row[id] ?? 0) - normalizer;
  });
}

/** Drawn from a stream of their own, so that they change nothing of what is sampled. */
function drawAlternatives(
  { prompt, temperature, numSamples }: SampleTask,
  count: number,
  seed: bigint,
  rowAfter: (position: number) => Float32Array,
): NonNullable<SampleResult['alternatives']> {
  const random = new RandomStream(seed, numSamples);
  const settings = { temperature, topK: -1, topP: 1 };
  const tokens = new Int32Array((prompt.length - 1) * count);
  const logprobs = new Float32Array(tokens.length);
  for (let place = 0; place < tokens.length; place++) {
    const row = rowAfter(Math.floor(place / count));
    const token = chooseToken(row, settings, random.next());
    tokens[place] = token;
    logprobs[place] = (row[token] ?? 0) - logSumExp(row);
  }
  return { tokens, logprobs, k: count };
}
