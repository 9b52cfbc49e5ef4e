import { create, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import { InvalidArgumentError } from '../core/errors.ts';
import { toBigIntArray, toBytes, toFloatArray, toTokenArray } from '../core/tensors.ts';
import {
  DType,
  ForwardBackwardRequestSchema,
  type ChunkSchema,
  type DatumSchema,
  type TensorSchema,
} from '../proto/tinker_public_pb.ts';
import type { Datum } from '../types/datum.ts';
import type { LossFn, LossFnConfig } from '../types/loss.ts';
import type { ModelInput, ModelInputChunk } from '../types/model-input.ts';
import type { TensorInput } from '../types/tensor.ts';

export interface ForwardBackwardBody {
  model_id: string;
  seq_id: number;
  data: readonly Datum[];
  loss_fn: LossFn;
  loss_fn_config?: LossFnConfig | undefined;
  forward_only: boolean;
}

/** The protobuf body of forward_backward (wire-protocol 4.2). Throws InvalidArgumentError naming datum and field. */
export function encodeForwardBackward(body: ForwardBackwardBody): Uint8Array {
  const { model_id, seq_id, data, loss_fn, loss_fn_config = {}, forward_only } = body;
  const numbers: Record<string, number> = {};
  const values: Record<string, { value: { case: 'number'; value: number } | { case: 'text'; value: string } }> = {};
  for (const [name, value] of Object.entries(loss_fn_config)) {
    if (typeof value === 'number') {
      numbers[name] = value;
      values[name] = { value: { case: 'number', value } };
    } else {
      values[name] = { value: { case: 'text', value } };
    }
  }
  return toBinary(
    ForwardBackwardRequestSchema,
    create(ForwardBackwardRequestSchema, {
      modelId: model_id,
      seqId: seq_id,
      data: data.map((datum, index) => encodeDatum(datum, `data[${index}]`)),
      lossFn: loss_fn,
      lossFnConfig: numbers,
      lossFnConfigV2: values,
      forwardOnly: forward_only,
    }),
  );
}

function encodeDatum(datum: Datum, what: string): MessageInitShape<typeof DatumSchema> {
  const lossFnInputs: Record<string, MessageInitShape<typeof TensorSchema>> = {};
  for (const [name, tensor] of Object.entries(datum.loss_fn_inputs)) {
    lossFnInputs[name] = encodeTensor(tensor, `${what}.loss_fn_inputs.${name}`);
  }
  return {
    modelInput: datum.model_input.chunks.map((chunk, index) => encodeChunk(chunk, `${what}.model_input.chunks[${index}]`)),
    lossFnInputs,
  };
}

function encodeChunk(chunk: ModelInputChunk, what: string): MessageInitShape<typeof ChunkSchema> {
  switch (chunk.type) {
    case 'encoded_text':
      return { chunk: { case: 'encodedText', value: { tokens: toBytes(toTokenArray(chunk.tokens, `${what}.tokens`)) } } };
    case 'image': {
      const { data, format, expected_tokens } = chunk;
      const image = { data: Buffer.from(data, 'base64'), format };
      return {
        chunk: { case: 'image', value: expected_tokens == null ? image : { ...image, expectedTokens: expected_tokens } },
      };
    }
    case 'dmel':
      return { chunk: { case: 'dmel', value: { dmel: Buffer.from(chunk.dmel, 'base64') } } };
    case 'image_asset_pointer':
      throw new InvalidArgumentError(`${what} is an image_asset_pointer, which training requests cannot carry: send the image itself`);
  }
}

function encodeTensor(tensor: TensorInput, what: string): MessageInitShape<typeof TensorSchema> {
  const { dtype, data, shape = [], sparse_crow_indices, sparse_col_indices } = tensor;
  const bytes =
    dtype === 'float32' ? toBytes(toFloatArray(data, what)) : toBytes(toBigIntArray(data, what));
  const common = { dtype: dtype === 'float32' ? DType.DTYPE_FLOAT32 : DType.DTYPE_INT64, shape: shape.map(BigInt) };
  if (sparse_crow_indices === undefined && sparse_col_indices === undefined) {
    const elements = shape.reduce((product, size) => product * size, 1);
    if (shape.length > 0 && elements !== data.length) {
      throw new InvalidArgumentError(`${what} has ${data.length} values, but its shape [${shape.join(', ')}] holds ${elements}`);
    }
    return { ...common, encoding: { case: 'dense', value: bytes } };
  }
  if (sparse_crow_indices === undefined || sparse_col_indices === undefined || shape.length !== 2) {
    throw new InvalidArgumentError(`${what} is sparse: it needs a shape of two dimensions and both index arrays`);
  }
  return {
    ...common,
    encoding: {
      case: 'sparseCsr',
      value: {
        values: bytes,
        crowIndices: toBytes(toBigIntArray(sparse_crow_indices, `${what}.sparse_crow_indices`)),
        colIndices: toBytes(toBigIntArray(sparse_col_indices, `${what}.sparse_col_indices`)),
      },
    },
  };
}

/** A prompt as JSON carries it: typed arrays would turn into objects. */
export function encodePrompt(prompt: ModelInput): { chunks: object[] } {
  return {
    chunks: prompt.chunks.map((chunk, index) =>
      chunk.type === 'encoded_text'
        ? { tokens: Array.from(toTokenArray(chunk.tokens, `prompt.chunks[${index}].tokens`)), type: chunk.type }
        : chunk,
    ),
  };
}

/** The JSON form of the same request, for servers that know only JSON (wire-protocol 13.2). */
export function encodeForwardBackwardJson(body: ForwardBackwardBody): object {
  const { model_id, seq_id, data, loss_fn, loss_fn_config, forward_only } = body;
  const input = {
    data: data.map((datum, index) => ({
      loss_fn_inputs: Object.fromEntries(
        Object.entries(datum.loss_fn_inputs).map(([name, tensor]) => [
          name,
          encodeTensorJson(tensor, `data[${index}].loss_fn_inputs.${name}`),
        ]),
      ),
      model_input: encodePrompt(datum.model_input),
    })),
    loss_fn,
    loss_fn_config,
  };
  return { [forward_only ? 'forward_input' : 'forward_backward_input']: input, model_id, seq_id };
}

function encodeTensorJson(tensor: TensorInput, what: string): object {
  const { dtype, data, shape } = tensor;
  if (tensor.sparse_crow_indices !== undefined) {
    throw new InvalidArgumentError(`${what} is sparse, which the JSON form cannot carry: send it dense`);
  }
  const values = dtype === 'float32' ? Array.from(toFloatArray(data, what)) : Array.from(toBigIntArray(data, what), Number);
  return { data: values, dtype, shape };
}
