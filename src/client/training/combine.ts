import type { ForwardBackwardOutput } from '../../types/training.ts';

/**
 * The result of a call from those of its chunks: outputs end to end, metrics by the reduction their name ends with
 * (wire-protocol 6.5). Unlike the official client it keeps every metric: what cannot be reduced keeps the first value.
 */
export function combineOutputs(outputs: readonly ForwardBackwardOutput[]): ForwardBackwardOutput {
  const [first] = outputs;
  if (first === undefined) return { loss_fn_output_type: 'ArrayRecord', loss_fn_outputs: [], metrics: {} };
  if (outputs.length === 1) return first;
  return {
    loss_fn_output_type: first.loss_fn_output_type,
    loss_fn_outputs: outputs.flatMap((output) => output.loss_fn_outputs),
    metrics: combineMetrics(outputs),
  };
}

interface Sample {
  value: number;
  /** How many datums the value stands for. */
  weight: number;
}

function combineMetrics(outputs: readonly ForwardBackwardOutput[]): Record<string, number> {
  const samples = new Map<string, Sample[]>();
  for (const { metrics, loss_fn_outputs } of outputs) {
    for (const [name, value] of Object.entries(metrics)) {
      const list = samples.get(name) ?? [];
      list.push({ value, weight: loss_fn_outputs.length });
      samples.set(name, list);
    }
  }
  const combined: Record<string, number> = {};
  for (const [name, list] of samples) {
    const reduction = name.split(':').at(-1) ?? '';
    if (reduction === 'unique') {
      list.forEach(({ value }, index) => (combined[index === 0 ? name : `${name}_${index}`] = value));
    } else {
      combined[name] = reduce(reduction, list);
    }
  }
  return combined;
}

function reduce(reduction: string, samples: readonly Sample[]): number {
  const values = samples.map(({ value }) => value);
  switch (reduction) {
    case 'mean':
      return weightedMean(samples);
    case 'sum':
      return values.reduce((sum, value) => sum + value, 0);
    case 'min':
      return Math.min(...values);
    case 'max':
      return Math.max(...values);
    case 'slack':
      return Math.max(...values) - weightedMean(samples);
    case 'hash2':
      return Number(
        BigInt.asUintN(
          64,
          values.reduce((sum, value) => sum + BigInt(Math.trunc(value)), 0n),
        ),
      );
    default:
      return values[0] ?? Number.NaN;
  }
}

/** Zero when nothing weighs anything, where the official client divides by zero. */
function weightedMean(samples: readonly Sample[]): number {
  const weight = samples.reduce((sum, sample) => sum + sample.weight, 0);
  const total = samples.reduce((sum, sample) => sum + sample.weight * sample.value, 0);
  return weight === 0 ? 0 : total / weight;
}
