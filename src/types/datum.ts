import type { ModelInput } from './model-input.ts';
import type { TensorInput } from './tensor.ts';

/**
 * One training example. Position i of `model_input` is scored against `target_tokens[i]`, so targets are already shifted
 * by one (`supervisedDatum` does that).
 */
export interface Datum {
  model_input: ModelInput;
  loss_fn_inputs: Readonly<Record<string, TensorInput>>;
}
