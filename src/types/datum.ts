import type { ModelInput } from './model-input.ts';
import type { TensorInput } from './tensor.ts';

/**
 * A run of positions that were sampled: those of the prompt of the request that made a sequence, or of the sequence's own
 * tokens. `sequence_id` is that of a sampled sequence of the same session.
 */
export interface ProvenanceSpan {
  type: 'prompt_tokens' | 'sampled_tokens';
  sequence_id: string;
  /** Where the run begins in the prompt or the sampled tokens; 0 by default. */
  offset?: number | undefined;
  /** How many positions it covers. */
  length: number;
}

/**
 * One training example. Position i of `model_input` is scored against `target_tokens[i]`, so targets are already shifted
 * by one (`supervisedDatum` does that).
 */
export interface Datum {
  model_input: ModelInput;
  loss_fn_inputs: Readonly<Record<string, TensorInput>>;
  /** Where the positions of `model_input` come from, in runs that cover all of them. With `loss_fn_input_spans` or not at all. */
  model_input_spans?: readonly ProvenanceSpan[] | undefined;
  /** The same of `target_tokens`. */
  loss_fn_input_spans?: readonly ProvenanceSpan[] | undefined;
}
