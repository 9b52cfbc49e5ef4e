import { fromBinary } from '@bufbuild/protobuf';
import { InvalidResponseError } from '../core/errors.ts';
import { toAligned } from '../core/tensors.ts';
import { toTopk } from '../core/topk.ts';
import {
  DType,
  ForwardBackwardOutputSchema,
  SampleResponseSchema,
  StopReason,
  type ArrayRecord,
  type BatchedTensor,
  type Tensor,
  type TopkLogprobs as TopkMessage,
} from '../proto/tinker_public_pb.ts';
import { forwardBackwardOutputJsonSchema, sampleResponseJsonSchema } from '../types/results.ts';
import type { SampleResponse, TopkLogprobs } from '../types/sampling.ts';
import type { TensorData } from '../types/tensor.ts';
import type { ForwardBackwardOutput } from '../types/training.ts';

interface TypedArrayClass<Values> {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBuffer, byteOffset: number, length: number): Values;
}

/** Packed little-endian elements, read in place. */
function view<Values>(ArrayClass: TypedArrayClass<Values>, bytes: Uint8Array, what: string): Values {
  const { BYTES_PER_ELEMENT: size } = ArrayClass;
  const { buffer, byteOffset, byteLength } = toAligned(bytes, size, what);
  return new ArrayClass(buffer, byteOffset, byteLength / size);
}

/**
 * A protobuf forward_backward result (wire-protocol 4.3): fields of several records are laid end to end. Takes `bytes` over:
 * the result's arrays are views of them.
 */
export function decodeForwardBackwardOutput(bytes: Uint8Array): ForwardBackwardOutput {
  const message = fromBinary(ForwardBackwardOutputSchema, bytes);
  return {
    loss_fn_output_type: message.lossFnOutputType.split(':').at(-1) || 'ArrayRecord',
    loss_fn_outputs: message.lossFnOutputs.flatMap(decodeRecord),
    metrics: { ...message.metrics },
  };
}

function decodeRecord(record: ArrayRecord): Record<string, TensorData>[] {
  const fields = Object.entries(record.fields).map(
    ([name, field]) => [name, sliceTensor(field, name)] as const,
  );
  const count = Number(record.numDatums) || (fields[0]?.[1].length ?? 0);
  return Array.from({ length: count }, (_, index) => {
    const datum: Record<string, TensorData> = {};
    for (const [name, slices] of fields) {
      const slice = slices[index];
      if (slice === undefined) {
        throw new InvalidResponseError(
          `the result has ${slices.length} values of ${name} for ${count} datums`,
        );
      }
      datum[name] = slice;
    }
    return datum;
  });
}

/**
 * One tensor for each datum, all of them views of the field: a copy for each would cost more than all the rest. `offsets`
 * count bytes on the wire, before any widening.
 */
function sliceTensor({ data, offsets, dtype, trailingShape }: BatchedTensor, name: string): TensorData[] {
  const bounds = view(BigInt64Array, offsets, `offsets of ${name}`);
  const trailing = trailingShape.map(Number);
  const width = trailing.reduce((product, size) => product * size, 1);
  const whole = widen(data, dtype, name);
  const elementBytes = whole.data.length === 0 ? 1 : data.byteLength / whole.data.length;
  return Array.from({ length: Math.max(bounds.length - 1, 0) }, (_, index) => {
    const start = Number(bounds[index]) / elementBytes;
    const end = Number(bounds[index + 1]) / elementBytes;
    if (!Number.isInteger(start) || !Number.isInteger(end) || end > whole.data.length) {
      throw new InvalidResponseError(`the result's field ${name} is cut into pieces that it does not have`);
    }
    const shape = [width === 0 ? 0 : (end - start) / width, ...trailing];
    return whole.dtype === 'float32'
      ? { dtype: whole.dtype, data: whole.data.subarray(start, end), shape }
      : { dtype: whole.dtype, data: whole.data.subarray(start, end), shape };
  });
}

type Flat =
  | Omit<Extract<TensorData, { dtype: 'float32' }>, 'shape'>
  | Omit<Extract<TensorData, { dtype: 'int64' }>, 'shape'>;

function widen(bytes: Uint8Array, dtype: DType, name: string): Flat {
  switch (dtype) {
    case DType.DTYPE_FLOAT32:
      return { dtype: 'float32', data: view(Float32Array, bytes, name) };
    case DType.DTYPE_BFLOAT16: {
      const bits = Uint32Array.from(view(Uint16Array, bytes, name), (half) => half << 16);
      return { dtype: 'float32', data: new Float32Array(bits.buffer) };
    }
    case DType.DTYPE_INT64:
      return { dtype: 'int64', data: view(BigInt64Array, bytes, name) };
    case DType.DTYPE_INT32: {
      const values = view(Int32Array, bytes, name);
      return { dtype: 'int64', data: BigInt64Array.from(values, BigInt) };
    }
    case DType.DTYPE_UNSPECIFIED:
    default:
      throw new InvalidResponseError(`the result's field ${name} has no element type`);
  }
}

/** A protobuf sample result, which takes `bytes` over; `sequence_id`s travel in the answer to the submission (wire-protocol 2.18). */
export function decodeSampleResponse(bytes: Uint8Array): SampleResponse {
  const message = fromBinary(SampleResponseSchema, bytes);
  const { targetPromptLogprobs: target, promptAltTokens: alternatives } = message;
  return {
    sequences: message.sequences.map((sequence) => ({
      sequence_id: null,
      stop_reason: toStopReason(sequence.stopReason),
      tokens: view(Int32Array, sequence.tokens, 'tokens'),
      logprobs: toOptionalFloats(sequence.logprobs, 'logprobs'),
      topk_logprobs: decodeTopk(sequence.topkSampledLogprobs, 'topk_logprobs'),
    })),
    prompt_logprobs: toOptionalFloats(message.promptLogprobs, 'prompt_logprobs'),
    topk_prompt_logprobs: decodeTopk(message.topkPromptLogprobs, 'topk_prompt_logprobs'),
    target_prompt_logprobs:
      target === undefined ? null : ofDtype('float32', decodeTensor(target, 'target_prompt_logprobs')),
    prompt_alt_tokens:
      alternatives === undefined
        ? null
        : {
            tokens: ofDtype('int64', decodeTensor(alternatives.tokens, 'prompt_alt_tokens.tokens')),
            logprobs: ofDtype('float32', decodeTensor(alternatives.logprobs, 'prompt_alt_tokens.logprobs')),
          },
    prompt_cache_hit_tokens: message.promptCacheHitTokens,
  };
}

function toStopReason(reason: StopReason): 'stop' | 'length' {
  if (reason === StopReason.STOP) return 'stop';
  if (reason === StopReason.LENGTH) return 'length';
  throw new InvalidResponseError(`the result has an unknown stop reason (${String(reason)})`);
}

/** Absent and empty both mean "not given". */
function toOptionalFloats(bytes: Uint8Array | undefined, name: string): Float32Array | null {
  return bytes === undefined || bytes.byteLength === 0 ? null : view(Float32Array, bytes, name);
}

/** Two matrices `[length, k]`; longer buffers than that are cut, a k or length of 0 means "not given". */
function decodeTopk(message: TopkMessage | undefined, name: string): TopkLogprobs | null {
  if (message === undefined || message.k === 0 || message.length === 0) return null;
  const { k, length } = message;
  const token_ids = view(Int32Array, message.tokenIds, name);
  const logprobs = view(Float32Array, message.logprobs, name);
  const size = k * length;
  if (token_ids.length < size || logprobs.length < size)
    throw new InvalidResponseError(`the result's ${name} has less than the ${length} rows of ${k} it claims`);
  return { token_ids: token_ids.subarray(0, size), logprobs: logprobs.subarray(0, size), k, length };
}

function decodeTensor(tensor: Tensor | undefined, name: string): TensorData {
  if (tensor === undefined) throw new InvalidResponseError(`the result has no ${name}`);
  const { encoding, dtype } = tensor;
  const rows = encoding.case === 'sparseCsr' ? encoding.value : undefined;
  const bytes = rows?.values ?? (encoding.case === 'dense' ? encoding.value : new Uint8Array());
  const { data, dtype: element } = widen(bytes, dtype, name);
  const shape = tensor.shape.length === 0 ? [data.length] : tensor.shape.map(Number);
  const places =
    rows === undefined
      ? {}
      : {
          sparse_crow_indices: view(BigInt64Array, rows.crowIndices, name),
          sparse_col_indices: view(BigInt64Array, rows.colIndices, name),
        };
  return element === 'float32'
    ? { dtype: element, data, shape, ...places }
    : { dtype: element, data, shape, ...places };
}

function ofDtype<Dtype extends TensorData['dtype']>(
  dtype: Dtype,
  tensor: TensorData,
): Extract<TensorData, { dtype: Dtype }> {
  if (tensor.dtype !== dtype)
    throw new InvalidResponseError(`the result has a tensor of ${tensor.dtype} where ${dtype} is promised`);
  return tensor as Extract<TensorData, { dtype: Dtype }>;
}

/** The JSON forms of the same results, which older servers give. */
export function fromForwardBackwardJson(json: object): ForwardBackwardOutput {
  const { loss_fn_outputs, ...rest } = parse(forwardBackwardOutputJsonSchema, json, 'forward_backward');
  return {
    ...rest,
    loss_fn_outputs: loss_fn_outputs.map((record) =>
      Object.fromEntries(Object.entries(record).map(([name, tensor]) => [name, fromTensorJson(tensor)])),
    ),
  };
}

interface TensorJson {
  dtype: 'float32' | 'int64';
  data: unknown[];
  shape?: number[] | null | undefined;
  sparse_crow_indices?: number[] | null | undefined;
  sparse_col_indices?: number[] | null | undefined;
}

function fromTensorJson({
  dtype,
  data,
  shape,
  sparse_crow_indices,
  sparse_col_indices,
}: TensorJson): TensorData {
  const dims = shape ?? [data.length];
  const places =
    sparse_crow_indices == null || sparse_col_indices == null
      ? {}
      : {
          sparse_crow_indices: BigInt64Array.from(sparse_crow_indices, BigInt),
          sparse_col_indices: BigInt64Array.from(sparse_col_indices, BigInt),
        };
  return dtype === 'float32'
    ? { dtype, data: Float32Array.from(data, Number), shape: dims, ...places }
    : { dtype, data: BigInt64Array.from(data, (value) => BigInt(Number(value))), shape: dims, ...places };
}

export function fromSampleJson(json: object): SampleResponse {
  const {
    sequences,
    prompt_logprobs,
    topk_prompt_logprobs: topk,
    target_prompt_logprobs: target,
    prompt_alt_tokens: alternatives,
    prompt_cache_hit_tokens,
  } = parse(sampleResponseJsonSchema, json, 'sample');
  return {
    sequences: sequences.map(({ stop_reason, tokens, logprobs, topk_logprobs }) => ({
      sequence_id: null,
      stop_reason,
      tokens: Int32Array.from(tokens),
      logprobs: logprobs == null ? null : Float32Array.from(logprobs),
      topk_logprobs: topk_logprobs == null ? null : (toTopk(topk_logprobs) ?? null),
    })),
    prompt_logprobs:
      prompt_logprobs == null ? null : Float32Array.from(prompt_logprobs, (value) => value ?? Number.NaN),
    topk_prompt_logprobs: topk == null ? null : (toTopk(topk) ?? null),
    target_prompt_logprobs: target == null ? null : ofDtype('float32', fromTensorJson(target)),
    prompt_alt_tokens:
      alternatives == null
        ? null
        : {
            tokens: ofDtype('int64', fromTensorJson(alternatives.tokens)),
            logprobs: ofDtype('float32', fromTensorJson(alternatives.logprobs)),
          },
    prompt_cache_hit_tokens,
  };
}

function parse<Value>(
  schema: {
    safeParse(
      value: unknown,
    ): { success: true; data: Value } | { success: false; error: { message: string } };
  },
  json: object,
  what: string,
): Value {
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  throw new InvalidResponseError(`the ${what} result is not what the API promises: ${parsed.error.message}`);
}
