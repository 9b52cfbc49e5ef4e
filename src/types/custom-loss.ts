import type { Datum } from './datum.ts';

/** What a custom loss is given. */
export interface CustomLossInput {
  /** The datums of the call, as the caller gave them: inputs that only the loss reads are never sent. */
  data: readonly Datum[];
  /** Log-probabilities of each datum's targets under the model, row-major in the shape of its `target_tokens`. */
  logprobs: readonly Float32Array[];
  /** The shape of each datum's `target_tokens`: `[T]` or `[T, K]`. */
  shapes: readonly (readonly number[])[];
  /** Aborts when the caller gives the call up. */
  signal: AbortSignal;
}

export interface CustomLossValue {
  /** The loss of the whole call, a finite number. It becomes the metric `loss:sum`. */
  loss: number;
  /** Its derivative by each log-probability: one array per datum, as long as the datum's `logprobs`. */
  gradients: readonly (Float32Array | Float64Array | readonly number[])[];
  /** Added to the metrics of the result as they are. */
  metrics?: Readonly<Record<string, number>> | undefined;
}

/** A loss that the caller computes from log-probabilities. */
export type CustomLoss = (input: CustomLossInput) => CustomLossValue | Promise<CustomLossValue>;
