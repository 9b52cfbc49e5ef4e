import { InvalidArgumentError } from '../../core/errors.ts';
import { toBigIntArray, toFloatArray, toTokenArray } from '../../core/tensors.ts';
import type { Datum } from '../../types/datum.ts';
import { lossFns } from '../../types/loss.ts';
import type { ModelInputChunk } from '../../types/model-input.ts';
import type { TensorInput } from '../../types/tensor.ts';
import type { ForwardBackwardInput } from '../../types/training.ts';

/**
 * The same input with every number in its typed array, so that nothing can fail any more when it is sent. Throws
 * InvalidArgumentError that names the datum and the field.
 */
export function checkForwardBackward(input: ForwardBackwardInput): ForwardBackwardInput {
  const { data, loss_fn, loss_fn_config } = input;
  if (data.length === 0) throw new InvalidArgumentError('No data provided: data must have at least one datum');
  if (!lossFns.includes(loss_fn)) {
    throw new InvalidArgumentError(`loss_fn must be one of ${lossFns.join(', ')}, and is ${JSON.stringify(loss_fn)}`);
  }
  for (const [name, value] of Object.entries(loss_fn_config ?? {})) {
    if (typeof value === 'number' && !Number.isFinite(value)) {
      throw new InvalidArgumentError(`loss_fn_config.${name} must be finite, and is ${value}`);
    }
  }
  return { data: data.map((datum, index) => checkDatum(datum, `data[${index}]`)), loss_fn, loss_fn_config };
}

function checkDatum(datum: Datum, what: string): Datum {
  const { model_input, loss_fn_inputs } = datum;
  if (model_input.chunks.length === 0) throw new InvalidArgumentError(`${what}.model_input has no chunks`);
  return {
    model_input: {
      chunks: model_input.chunks.map((chunk, index) => checkChunk(chunk, `${what}.model_input.chunks[${index}]`)),
    },
    loss_fn_inputs: Object.fromEntries(
      Object.entries(loss_fn_inputs).map(([name, tensor]) => [name, checkTensor(tensor, `${what}.loss_fn_inputs.${name}`)]),
    ),
  };
}

function checkChunk(chunk: ModelInputChunk, what: string): ModelInputChunk {
  if (chunk.type === 'image_asset_pointer') {
    throw new InvalidArgumentError(`${what} is an image_asset_pointer, which training cannot send: give the image itself`);
  }
  return chunk.type === 'encoded_text' ? { ...chunk, tokens: toTokenArray(chunk.tokens, `${what}.tokens`) } : chunk;
}

function checkTensor(tensor: TensorInput, what: string): TensorInput {
  const { dtype, data, shape, sparse_crow_indices, sparse_col_indices } = tensor;
  if (dtype !== 'float32' && dtype !== 'int64') {
    throw new InvalidArgumentError(`${what}.dtype must be float32 or int64, and is ${JSON.stringify(dtype)}`);
  }
  const values = dtype === 'float32' ? toFloatArray(data, what) : toBigIntArray(data, what);
  if (sparse_crow_indices !== undefined || sparse_col_indices !== undefined) {
    if (sparse_crow_indices === undefined || sparse_col_indices === undefined || shape?.length !== 2) {
      throw new InvalidArgumentError(`${what} is sparse: it needs a shape of two dimensions and both index arrays`);
    }
    return {
      dtype,
      data: values,
      shape,
      sparse_crow_indices: toBigIntArray(sparse_crow_indices, `${what}.sparse_crow_indices`),
      sparse_col_indices: toBigIntArray(sparse_col_indices, `${what}.sparse_col_indices`),
    };
  }
  const size = shape?.reduce((product, length) => product * length, 1);
  if (size !== undefined && size !== values.length) {
    throw new InvalidArgumentError(`${what} has ${values.length} values, but its shape [${shape?.join(', ')}] holds ${size}`);
  }
  return { dtype, data: values, shape };
}
