import type { SampleResult } from '../engine/engine.ts';
import type { TargetLayout } from './prompt-targets.ts';

/** The outcome of an operation, before it is known how the asker wants it written. */
export type OperationResult =
  | { kind: 'json'; body: Readonly<Record<string, unknown>> }
  | { kind: 'training'; output: TrainingOutput }
  | { kind: 'sample'; output: SampleOutput };

/** A sample, and how the tensor of its targets was laid out. */
export type SampleOutput = SampleResult & { targetLayout?: TargetLayout | undefined };

/** One entry per datum, in the order of the request. */
export interface TrainingOutput {
  logprobs: { values: Float32Array; shape: number[] }[];
  metrics: Record<string, number>;
}

/** Name of the record that every datum gets. */
export const outputType = 'TorchLossReturn';
