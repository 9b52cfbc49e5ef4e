import { z } from 'zod';
import { modelInputSchema } from '../../types/model-input.ts';
import { HttpError } from '../errors.ts';
import { toFloat64s } from './json-numbers.ts';
import { toInputTokens } from './model-input.ts';
import { scatterSparse, toDenseShape, type RequestTensor } from './tensor.ts';
import type { TrainingRequest } from './training-request.ts';

const numbersSchema = z.custom<readonly unknown[]>(
  (value) => Array.isArray(value),
  'expected an array of numbers',
);

const tensorSchema = z.object({
  data: numbersSchema,
  dtype: z.enum(['int64', 'float32']),
  shape: z.array(z.int().min(0)).nullish(),
  sparse_crow_indices: numbersSchema.nullish(),
  sparse_col_indices: numbersSchema.nullish(),
});

const inputSchema = z.object({
  data: z.array(
    z.object({ model_input: modelInputSchema, loss_fn_inputs: z.record(z.string(), tensorSchema) }),
  ),
  loss_fn: z.string(),
  loss_fn_config: z.record(z.string(), z.union([z.number(), z.string()])).nullish(),
});

const addressSchema = z.object({ model_id: z.string(), seq_id: z.int().min(0).nullish() });

/** Bodies of older clients (wire-protocol 13.2). */
export const forwardBackwardJsonSchema = addressSchema.extend({ forward_backward_input: inputSchema });
export const forwardJsonSchema = addressSchema.extend({ forward_input: inputSchema });

export function fromForwardBackwardJson(body: z.output<typeof forwardBackwardJsonSchema>): TrainingRequest {
  return toRequest(body, body.forward_backward_input, false);
}

export function fromForwardJson(body: z.output<typeof forwardJsonSchema>): TrainingRequest {
  return toRequest(body, body.forward_input, true);
}

function toRequest(
  address: z.output<typeof addressSchema>,
  input: z.output<typeof inputSchema>,
  forwardOnly: boolean,
): TrainingRequest {
  return {
    modelId: address.model_id,
    seqId: address.seq_id || undefined,
    loss: input.loss_fn,
    lossConfig: input.loss_fn_config ?? {},
    forwardOnly,
    data: input.data.map((datum, index) => ({
      tokens: toInputTokens(datum.model_input, `data[${index}].model_input`),
      inputs: new Map(
        Object.entries(datum.loss_fn_inputs).map(([name, tensor]): [string, RequestTensor] => [
          name,
          toTensor(tensor, `data[${index}].loss_fn_inputs.${name}`),
        ]),
      ),
    })),
  };
}

function toTensor(tensor: z.output<typeof tensorSchema>, where: string): RequestTensor {
  const shape = tensor.shape ?? undefined;
  const { sparse_crow_indices: crow, sparse_col_indices: col } = tensor;
  if ((crow == null) !== (col == null))
    throw new HttpError(422, `${where}: one of the two sparse index arrays is missing`);
  const values = toFloat64s(tensor.data, where);
  const dense =
    crow == null || col == null
      ? { cells: values, shape: toDenseShape(values.length, shape, where) }
      : scatterSparse(values, { crow: toFloat64s(crow, where), col: toFloat64s(col, where) }, shape, where);
  return tensor.dtype === 'float32'
    ? { dtype: 'float32', values: Float32Array.from(dense.cells), shape: dense.shape }
    : { dtype: 'int64', values: dense.cells, shape: dense.shape };
}
