import type { SampleResult } from '../engine/engine.ts';
import { outputType, type TrainingOutput } from './results.ts';

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

export function toSampleJson({ sequences, promptLogprobs }: SampleResult): Record<string, unknown> {
  return {
    type: 'sample',
    sequences: sequences.map(({ tokens, logprobs, stopReason }) => ({
      stop_reason: stopReason,
      tokens: Array.from(tokens),
      logprobs: toJsonNumbers(logprobs),
    })),
    ...(promptLogprobs === undefined ? {} : { prompt_logprobs: toJsonNumbers(promptLogprobs) }),
    prompt_cache_hit_tokens: 0,
  };
}

function toJsonNumbers(values: Float32Array): (number | null)[] {
  return Array.from(values, (value) => (Number.isFinite(value) ? value : null));
}
