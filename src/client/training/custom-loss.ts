import { orAborted } from '../../core/deadline.ts';
import { InvalidResponseError, TinkerError } from '../../core/errors.ts';
import { messageOf } from '../../core/thrown.ts';
import type { CustomLoss, CustomLossInput, CustomLossValue } from '../../types/custom-loss.ts';
import type { Datum } from '../../types/datum.ts';
import type { TensorInput } from '../../types/tensor.ts';
import type { ForwardBackwardOutput } from '../../types/training.ts';
import { shapeOf, sizeOf, toSmallest } from './check-tensor.ts';

/** Pure steps of a custom loss (wire-protocol 6.6); `submit-custom` puts them between two requests. */

/** What of a datum the forward pass is asked: its targets. Weights have no effect on it, but cross entropy wants some. */
export function toForwardDatum(datum: Datum): Datum {
  const { target_tokens, weights } = datum.loss_fn_inputs;
  if (target_tokens === undefined) return { ...datum, loss_fn_inputs: {} };
  const shape = shapeOf(target_tokens);
  const none: TensorInput = { dtype: 'float32', data: new Float32Array(sizeOf(shape)), shape };
  return { ...datum, loss_fn_inputs: { target_tokens, weights: weights ?? none } };
}

/** The same datums with the weights whose cross entropy, the sum of -logprob * weight, has the gradient of the loss. */
export function toBackwardData(forward: readonly Datum[], gradients: CustomLossValue['gradients']): Datum[] {
  return forward.map((datum, index) => {
    const target_tokens = targetsOf(datum);
    const gradient = gradients[index] ?? [];
    const data = new Float32Array(gradient.length);
    for (let position = 0; position < data.length; position++) data[position] = 0 - (gradient[position] ?? 0);
    const weights = toSmallest({ dtype: 'float32', data, shape: shapeOf(target_tokens) });
    return { ...datum, loss_fn_inputs: { target_tokens, weights } };
  });
}

/** The caller's datums, and those of the forward pass that gave the output. */
export interface CustomLossData {
  given: readonly Datum[];
  forward: readonly Datum[];
}

/** Asks the loss, and refuses a value that cannot be one. Rejects with the signal's reason when the caller gives up. */
export async function evaluateLoss(
  loss: CustomLoss,
  { given, forward }: CustomLossData,
  output: ForwardBackwardOutput,
  signal: AbortSignal,
): Promise<CustomLossValue> {
  const shapes = forward.map((datum) => shapeOf(targetsOf(datum)));
  const logprobs = shapes.map((shape, index) => toLogprobs(output, index, shape));
  const value = await orAborted(ask(loss, { data: given, logprobs, shapes, signal }), signal);
  checkValue(value, logprobs);
  return value;
}

/** The result of the backward pass, as if the server had computed the loss itself. */
export function toCustomResult(output: ForwardBackwardOutput, value: CustomLossValue): ForwardBackwardOutput {
  const { 'loss:sum': surrogate, ...metrics } = output.metrics;
  return {
    ...output,
    metrics: {
      ...metrics,
      ...value.metrics,
      'loss:sum': value.loss,
      ...(surrogate === undefined ? {} : { 'surrogate_loss:sum': surrogate }),
    },
  };
}

async function ask(loss: CustomLoss, input: CustomLossInput): Promise<CustomLossValue> {
  try {
    return await loss(input);
  } catch (error) {
    const reason = messageOf(error);
    throw lossFailure(`it threw: ${reason}`, error);
  }
}

function checkValue(value: CustomLossValue, logprobs: readonly Float32Array[]): void {
  if (typeof value !== 'object' || value === null) {
    throw lossFailure('it must give { loss, gradients }, and gave nothing of the kind');
  }
  const { loss, gradients, metrics = {} } = value;
  if (!Number.isFinite(loss)) throw lossFailure(`loss must be a finite number, and is ${String(loss)}`);
  if (!Array.isArray(gradients) || gradients.length !== logprobs.length) {
    const count = Array.isArray(gradients) ? `has ${gradients.length}` : `is ${typeof gradients}`;
    throw lossFailure(
      `gradients must be an array with one for each of the ${logprobs.length} datums, and ${count}`,
    );
  }
  logprobs.forEach(({ length }, index) => checkGradient(gradients[index], length, `gradients[${index}]`));
  for (const [name, metric] of Object.entries(metrics)) {
    if (typeof metric !== 'number')
      throw lossFailure(`metrics.${name} must be a number, and is ${typeof metric}`);
  }
}

function checkGradient(
  gradient: CustomLossValue['gradients'][number] | undefined,
  length: number,
  what: string,
): void {
  if (gradient === undefined || gradient.length !== length) {
    throw lossFailure(
      `${what} must have one value for each of the ${length} logprobs, and has ${gradient?.length ?? 'none'}`,
    );
  }
  for (let index = 0; index < length; index++) {
    // As it travels: what is too large for a float32 is infinite there.
    if (!Number.isFinite(Math.fround(gradient[index] ?? Number.NaN))) {
      throw lossFailure(`${what}[${index}] must be a finite float32, and is ${String(gradient[index])}`);
    }
  }
}

function lossFailure(reason: string, cause?: unknown): TinkerError {
  return new TinkerError(
    'custom_loss_failed',
    `the custom loss failed: ${reason}; the call has no effect on the model, and calls after it go on`,
    { cause },
  );
}

function toLogprobs(output: ForwardBackwardOutput, index: number, shape: readonly number[]): Float32Array {
  const tensor = output.loss_fn_outputs[index]?.['logprobs'];
  const count = sizeOf(shape);
  if (tensor?.dtype !== 'float32' || tensor.data.length !== count) {
    throw new InvalidResponseError(
      `the forward pass gave no ${count} logprobs for data[${index}]: a custom loss cannot be computed`,
    );
  }
  return tensor.data;
}

function targetsOf({ loss_fn_inputs }: Datum): TensorInput {
  return loss_fn_inputs['target_tokens'] ?? { dtype: 'int64', data: [] };
}
