import { noLogprob } from '../../types/sampling.ts';
import type { TopkTable } from '../engine/engine.ts';
import type { TargetLayout } from './prompt-targets.ts';
import { outputType, type SampleOutput, type TrainingOutput } from './results.ts';

/** The same results for clients that do not ask for protobuf (wire-protocol 13.2). NaN and infinity become null. */
export function toTrainingJson(output: TrainingOutput): Record<string, unknown> {
  return {
    loss_fn_output_type: outputType,
    loss_fn_outputs: output.logprobs.map(({ values, shape }) => ({
      logprobs: { data: toJsonNumbers(values), dtype: 'float32', shape },
    })),
    metrics: Object.fromEntries(Object.entries(output.metrics).filter(([, value]) => Number.isFinite(value))),
  };
}

export function toSampleJson(output: SampleOutput): Record<string, unknown> {
  const { sequences, promptLogprobs, topkPrompt, targetLogprobs, targetLayout, alternatives } = output;
  return {
    type: 'sample',
    sequences: sequences.map(({ tokens, logprobs, stopReason, topk }) => ({
      stop_reason: stopReason,
      tokens: Array.from(tokens),
      logprobs: toJsonNumbers(logprobs),
      ...(topk === undefined ? {} : { topk_logprobs: toPairs(topk) }),
    })),
    ...(promptLogprobs === undefined ? {} : { prompt_logprobs: toJsonNumbers(promptLogprobs) }),
    ...(topkPrompt === undefined ? {} : { topk_prompt_logprobs: toPairs(topkPrompt) }),
    ...(targetLogprobs === undefined || targetLayout === undefined
      ? {}
      : { target_prompt_logprobs: toTargetTensor(targetLogprobs, targetLayout) }),
    ...(alternatives === undefined ? {} : { prompt_alt_tokens: toAlternatives(alternatives) }),
    prompt_cache_hit_tokens: 0,
  };
}

/** Pairs of token and log-probability at each place; null where nothing is defined. */
function toPairs({ tokenIds, logprobs, k, length }: TopkTable): ([number, number][] | null)[] {
  return Array.from({ length }, (_, place) => {
    const row: [number, number][] = [];
    for (let cell = place * k; cell < (place + 1) * k; cell++) {
      const logprob = logprobs[cell] ?? noLogprob;
      if (logprob !== noLogprob) row.push([tokenIds[cell] ?? 0, logprob]);
    }
    return row.length === 0 ? null : row;
  });
}

function toTargetTensor(logprobs: Float32Array, { shape, rows }: TargetLayout): Record<string, unknown> {
  const tensor = { data: toJsonNumbers(logprobs), dtype: 'float32', shape };
  if (rows === undefined) return tensor;
  return {
    ...tensor,
    sparse_crow_indices: Array.from(rows.crow, Number),
    sparse_col_indices: Array.from(rows.col, Number),
  };
}

function toAlternatives({
  tokens,
  logprobs,
  k,
}: NonNullable<SampleOutput['alternatives']>): Record<string, unknown> {
  const shape = [tokens.length / k, k];
  return {
    tokens: { data: Array.from(tokens), dtype: 'int64', shape },
    logprobs: { data: toJsonNumbers(logprobs), dtype: 'float32', shape },
  };
}

function toJsonNumbers(values: Float32Array): (number | null)[] {
  return Array.from(values, (value) => (Number.isFinite(value) ? value : null));
}
