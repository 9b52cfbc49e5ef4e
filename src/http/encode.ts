import { create, toBinary, type DescMessage, type MessageInitShape } from '@bufbuild/protobuf';
import { toBase64, toRawBytes } from '../core/base64.ts';
import { InvalidArgumentError } from '../core/errors.ts';
import { toBigIntArray, toBytes, toFloatArray, toTokenArray, toTokenList } from '../core/tensors.ts';
import {
  ChunkSchema,
  DatumSchema,
  DType,
  ForwardBackwardRequestSchema,
  TensorSchema,
  type ProvenanceSpanSchema,
} from '../proto/tinker_public_pb.ts';
import type { Datum, ProvenanceSpan } from '../types/datum.ts';
import type { LossFn, LossFnConfig } from '../types/loss.ts';
import type { ModelInput, ModelInputChunk, Tokens } from '../types/model-input.ts';
import type { TensorInput } from '../types/tensor.ts';
import { MessageParts } from './message-parts.ts';

export interface ForwardBackwardBody {
  model_id: string;
  seq_id: number;
  data: readonly Datum[];
  loss_fn: LossFn;
  loss_fn_config?: LossFnConfig | undefined;
  forward_only: boolean;
}

/** Numbers of the fields that carry many bytes, and of those around them; the library writes all others. */
const requestFields = { data: 3 };
const datumFields = { modelInput: 1, lossFnInputs: 2 };
const mapEntryFields = { key: 1, value: 2 };
const chunkFields = { encodedText: 1 };
const textFields = { tokens: 1 };
const tensorFields = { dense: 1 };

/**
 * The protobuf body of forward_backward (wire-protocol 4.2). Throws InvalidArgumentError naming datum and field. Typed
 * arrays of the wire's element type are taken as they are: whoever made the datum has looked at their values.
 */
export function encodeForwardBackward(body: ForwardBackwardBody): Uint8Array {
  const { model_id, seq_id, data, loss_fn, loss_fn_config = {}, forward_only } = body;
  const numbers: Record<string, number> = {};
  const values: Record<
    string,
    { value: { case: 'number'; value: number } | { case: 'text'; value: string } }
  > = {};
  for (const [name, value] of Object.entries(loss_fn_config)) {
    if (typeof value === 'number') {
      numbers[name] = value;
      values[name] = { value: { case: 'number', value } };
    } else {
      values[name] = { value: { case: 'text', value } };
    }
  }
  const request = new MessageParts().encoded(
    encode(ForwardBackwardRequestSchema, { modelId: model_id, seqId: seq_id }),
  );
  data.forEach((datum, index) => request.message(requestFields.data, encodeDatum(datum, `data[${index}]`)));
  const rest = { lossFn: loss_fn, lossFnConfig: numbers, lossFnConfigV2: values, forwardOnly: forward_only };
  return request.encoded(encode(ForwardBackwardRequestSchema, rest)).finish();
}

/** Small messages, and whatever is rare, by the library. */
function encode<Schema extends DescMessage>(schema: Schema, message: MessageInitShape<Schema>): Uint8Array {
  return toBinary(schema, create(schema, message));
}

function encodeDatum(datum: Datum, what: string): MessageParts {
  const message = new MessageParts();
  datum.model_input.chunks.forEach((chunk, index) =>
    message.message(datumFields.modelInput, encodeChunk(chunk, `${what}.model_input.chunks[${index}]`)),
  );
  for (const [name, tensor] of Object.entries(datum.loss_fn_inputs)) {
    const value = encodeTensor(tensor, `${what}.loss_fn_inputs.${name}`);
    const entry = new MessageParts()
      .bytes(mapEntryFields.key, Buffer.from(name))
      .message(mapEntryFields.value, value);
    message.message(datumFields.lossFnInputs, entry);
  }
  const { model_input_spans, loss_fn_input_spans } = datum;
  if (model_input_spans === undefined || loss_fn_input_spans === undefined) return message;
  const modelInputSpans = model_input_spans.map(toSpan);
  return message.encoded(
    encode(DatumSchema, { modelInputSpans, lossFnInputSpans: loss_fn_input_spans.map(toSpan) }),
  );
}

function toSpan({
  type,
  sequence_id,
  offset = 0,
  length,
}: ProvenanceSpan): MessageInitShape<typeof ProvenanceSpanSchema> {
  const value = { sequenceId: sequence_id, offset: BigInt(offset), length: BigInt(length) };
  return type === 'prompt_tokens'
    ? { span: { case: 'promptTokens', value } }
    : { span: { case: 'sampledTokens', value } };
}

function encodeChunk(chunk: ModelInputChunk, what: string): MessageParts {
  const message = new MessageParts();
  switch (chunk.type) {
    case 'encoded_text': {
      const tokens = encodeTokens(chunk.tokens, `${what}.tokens`);
      const text = new MessageParts();
      // A field without a value of its own is left out when it is empty.
      return message.message(
        chunkFields.encodedText,
        tokens.byteLength === 0 ? text : text.bytes(textFields.tokens, tokens),
      );
    }
    case 'image': {
      const { data, format, expected_tokens } = chunk;
      const image = { data: toRawBytes(data), format };
      const value = expected_tokens == null ? image : { ...image, expectedTokens: expected_tokens };
      return message.encoded(encode(ChunkSchema, { chunk: { case: 'image', value } }));
    }
    case 'dmel': {
      const value = { dmel: toRawBytes(chunk.dmel) };
      return message.encoded(encode(ChunkSchema, { chunk: { case: 'dmel', value } }));
    }
    case 'image_asset_pointer':
      throw new InvalidArgumentError(
        `${what} is an image_asset_pointer, which training requests cannot carry: send the image itself`,
      );
  }
}

function encodeTensor(tensor: TensorInput, what: string): MessageParts {
  const { dtype, data, shape = [], sparse_crow_indices, sparse_col_indices } = tensor;
  const values = dtype === 'float32' ? encodeFloats(data, what) : encodeIntegers(data, what);
  const common = {
    dtype: dtype === 'float32' ? DType.DTYPE_FLOAT32 : DType.DTYPE_INT64,
    shape: shape.map(BigInt),
  };
  if (sparse_crow_indices === undefined && sparse_col_indices === undefined) {
    const elements = shape.reduce((product, size) => product * size, 1);
    if (shape.length > 0 && elements !== data.length) {
      throw new InvalidArgumentError(
        `${what} has ${data.length} values, but its shape [${shape.join(', ')}] holds ${elements}`,
      );
    }
    return new MessageParts().bytes(tensorFields.dense, values).encoded(encode(TensorSchema, common));
  }
  if (sparse_crow_indices === undefined || sparse_col_indices === undefined || shape.length !== 2) {
    throw new InvalidArgumentError(
      `${what} is sparse: it needs a shape of two dimensions and both index arrays`,
    );
  }
  const value = {
    values,
    crowIndices: encodeIntegers(sparse_crow_indices, `${what}.sparse_crow_indices`),
    colIndices: encodeIntegers(sparse_col_indices, `${what}.sparse_col_indices`),
  };
  return new MessageParts().encoded(
    encode(TensorSchema, { ...common, encoding: { case: 'sparseCsr', value } }),
  );
}

function encodeTokens(tokens: Tokens, what: string): Uint8Array {
  return toBytes(tokens instanceof Int32Array ? tokens : toTokenArray(tokens, what));
}

function encodeFloats(values: TensorInput['data'], what: string): Uint8Array {
  return toBytes(values instanceof Float32Array ? values : toFloatArray(values, what));
}

function encodeIntegers(values: TensorInput['data'], what: string): Uint8Array {
  return toBytes(toBigIntArray(values, what));
}

/** A checked prompt as JSON carries it: typed arrays would turn into objects. */
export function encodePrompt(prompt: ModelInput): { chunks: object[] } {
  return {
    chunks: prompt.chunks.map(encodeChunkJson),
  };
}

function encodeChunkJson(chunk: ModelInputChunk): object {
  switch (chunk.type) {
    case 'encoded_text':
      return { tokens: toTokenList(chunk.tokens), type: chunk.type };
    case 'image':
      return { ...chunk, data: toBase64(chunk.data) };
    case 'dmel':
      return { ...chunk, dmel: toBase64(chunk.dmel) };
    case 'image_asset_pointer':
      return chunk;
  }
}

/** The JSON form of the same request, for servers that know only JSON (wire-protocol 13.2). */
export function encodeForwardBackwardJson(body: ForwardBackwardBody): object {
  const { model_id, seq_id, data, loss_fn, loss_fn_config, forward_only } = body;
  const input = {
    data: data.map((datum, index) => encodeDatumJson(datum, `data[${index}]`)),
    loss_fn,
    loss_fn_config,
  };
  return { [forward_only ? 'forward_input' : 'forward_backward_input']: input, model_id, seq_id };
}

function encodeDatumJson(datum: Datum, what: string): object {
  if (datum.model_input_spans !== undefined) {
    throw new InvalidArgumentError(
      `${what} has provenance spans, which the JSON form of older servers cannot carry: leave them out`,
    );
  }
  return {
    loss_fn_inputs: Object.fromEntries(
      Object.entries(datum.loss_fn_inputs).map(([name, tensor]) => [
        name,
        encodeTensorJson(tensor, `${what}.loss_fn_inputs.${name}`),
      ]),
    ),
    model_input: encodePrompt(datum.model_input),
  };
}

/** A tensor as JSON carries it, dense or in compressed rows (wire-protocol 3.3). */
export function encodeTensorJson(tensor: TensorInput, what: string): object {
  const { dtype, data, shape, sparse_crow_indices: crow, sparse_col_indices: col } = tensor;
  const values = dtype === 'float32' ? Array.from(toFloatArray(data, what)) : encodeIntegersJson(data, what);
  if (crow === undefined || col === undefined) return { data: values, dtype, shape };
  return {
    data: values,
    dtype,
    shape,
    sparse_crow_indices: encodeIntegersJson(crow, `${what}.sparse_crow_indices`),
    sparse_col_indices: encodeIntegersJson(col, `${what}.sparse_col_indices`),
  };
}

function encodeIntegersJson(values: TensorInput['data'], what: string): number[] {
  return Array.from(toBigIntArray(values, what), Number);
}
