import type { CustomLoss } from '../../types/custom-loss.ts';
import type { Datum } from '../../types/datum.ts';

/** What a custom loss needs of an automatic differentiation library, such as jax-js; none comes with this package. */
export interface Autodiff<Tensor> {
  /** A tensor of these values, row-major; it may keep the array. */
  toTensor: (values: Float32Array<ArrayBuffer>, shape: readonly number[]) => Tensor;
  /** The value of `f`, a scalar, and its derivative by each of the tensors `at`. */
  valueAndGradients: (
    f: (at: Tensor[]) => Tensor,
    at: Tensor[],
  ) => [value: Tensor, gradients: Tensor[]] | Promise<[value: Tensor, gradients: Tensor[]]>;
  /** The values of a tensor, row-major. */
  toValues: (tensor: Tensor) => ArrayLike<number> | Promise<ArrayLike<number>>;
}

/** A custom loss of which only the value is written: the library finds its gradient. */
export function differentiatedLoss<Tensor>(
  { toTensor, valueAndGradients, toValues }: Autodiff<Tensor>,
  loss: (input: { data: readonly Datum[]; logprobs: readonly Tensor[] }) => Tensor,
): CustomLoss {
  return async ({ data, logprobs, shapes }) => {
    const at = logprobs.map((values, index) => toTensor(Float32Array.from(values), shapes[index] ?? []));
    const [value, gradients] = await valueAndGradients((tensors) => loss({ data, logprobs: tensors }), at);
    const values = await toValues(value);
    if (values.length !== 1) throw new Error(`the loss must be one number, and is ${values.length}`);
    return {
      loss: values[0] ?? Number.NaN,
      gradients: await Promise.all(gradients.map(async (gradient) => toValues(gradient))),
    };
  };
}
