import { fromBinary } from '@bufbuild/protobuf';
import {
  DType,
  ForwardBackwardRequestSchema,
  type Chunk,
  type Datum,
  type ForwardBackwardRequest,
  type Tensor,
} from '../../proto/tinker_public_pb.ts';
import { HttpError, unsupported } from '../errors.ts';
import { readFloat32s, readInt32s, readInt64s } from './packed-numbers.ts';
import { scatterSparse, toDenseShape, type RequestTensor } from './tensor.ts';
import { concatTokens, type RequestDatum, type TrainingRequest } from './training-request.ts';
import { messageOf } from '../../core/thrown.ts';

/** Parses the body of a protobuf forward_backward; what its fields mean is read by `fromProtobuf`. */
export function parseProtobuf(body: Uint8Array): ForwardBackwardRequest {
  try {
    return fromBinary(ForwardBackwardRequestSchema, body);
  } catch (error) {
    throw new HttpError(422, `The body is not a ForwardBackwardRequest: ${messageOf(error)}`);
  }
}

/** Reads the message of wire-protocol 4.2. */
export function fromProtobuf(message: ForwardBackwardRequest): TrainingRequest {
  return {
    modelId: message.modelId,
    seqId: message.seqId === 0 ? undefined : message.seqId,
    loss: message.lossFn,
    lossConfig: toLossConfig(message),
    forwardOnly: message.forwardOnly,
    data: message.data.map(toDatum),
  };
}

/** Numbers travel twice, in both maps; the second one counts when it has anything. */
function toLossConfig(message: ForwardBackwardRequest): Record<string, number | string> {
  const entries = Object.entries(message.lossFnConfigV2);
  if (entries.length === 0) return message.lossFnConfig;
  return Object.fromEntries(
    entries.map(([key, { value }]) => {
      if (value.case === undefined) throw new HttpError(422, `loss_fn_config.${key} has no value`);
      return [key, value.value];
    }),
  );
}

function toDatum(datum: Datum, index: number): RequestDatum {
  const where = `data[${index}]`;
  const chunks = datum.modelInput.map((chunk, position) =>
    toTokens(chunk, `${where}.model_input[${position}]`),
  );
  const inputs = Object.entries(datum.lossFnInputs).map(([name, tensor]): [string, RequestTensor] => [
    name,
    toTensor(tensor, `${where}.loss_fn_inputs.${name}`),
  ]);
  const { modelInputSpans: model_input_spans, lossFnInputSpans: loss_fn_input_spans } = datum;
  const hasSpans = model_input_spans.length > 0 || loss_fn_input_spans.length > 0;
  return {
    tokens: concatTokens(chunks),
    inputs: new Map(inputs),
    ...(hasSpans ? { spans: { model_input_spans, loss_fn_input_spans } } : {}),
  };
}

function toTokens({ chunk }: Chunk, where: string): Int32Array {
  if (chunk.case === undefined) throw new HttpError(422, `${where}: the chunk is empty`);
  if (chunk.case !== 'encodedText') throw unsupported(`${where}: a chunk of type ${chunk.case}`);
  return readInt32s(chunk.value.tokens, where);
}

function toTensor(tensor: Tensor, where: string): RequestTensor {
  if (tensor.dtype !== DType.DTYPE_FLOAT32 && tensor.dtype !== DType.DTYPE_INT64) {
    throw new HttpError(422, `${where}: dtype must be float32 or int64`);
  }
  const isFloat = tensor.dtype === DType.DTYPE_FLOAT32;
  const shape = tensor.shape.length === 0 ? undefined : tensor.shape.map(Number);
  const { encoding } = tensor;
  if (encoding.case === 'sparseCsr') {
    const { values, crowIndices, colIndices } = encoding.value;
    const rows = { crow: readInt64s(crowIndices, where), col: readInt64s(colIndices, where) };
    const read = isFloat ? readFloat32s(values, where) : readInt64s(values, where);
    const dense = scatterSparse(read, rows, shape, where);
    return isFloat
      ? { dtype: 'float32', values: Float32Array.from(dense.cells), shape: dense.shape }
      : { dtype: 'int64', values: dense.cells, shape: dense.shape };
  }
  const bytes = encoding.value ?? new Uint8Array();
  if (isFloat) {
    const values = readFloat32s(bytes, where);
    return { dtype: 'float32', values, shape: toDenseShape(values.length, shape, where) };
  }
  const values = readInt64s(bytes, where);
  return { dtype: 'int64', values, shape: toDenseShape(values.length, shape, where) };
}
