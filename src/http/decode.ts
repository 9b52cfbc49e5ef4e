import { fromBinary } from '@bufbuild/protobuf';
import { InvalidResponseError } from '../core/errors.ts';
import { toAligned } from '../core/tensors.ts';
import {
  DType,
  ForwardBackwardOutputSchema,
  SampleResponseSchema,
  StopReason,
  type ArrayRecord,
  type BatchedTensor,
} from '../proto/tinker_public_pb.ts';
import { forwardBackwardOutputJsonSchema, sampleResponseJsonSchema } from '../types/results.ts';
import type { SampleResponse } from '../types/sampling.ts';
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
  return {
    sequences: message.sequences.map((sequence) => ({
      sequence_id: null,
      stop_reason: toStopReason(sequence.stopReason),
      tokens: view(Int32Array, sequence.tokens, 'tokens'),
      logprobs: toOptionalFloats(sequence.logprobs, 'logprobs'),
    })),
    prompt_logprobs: toOptionalFloats(message.promptLogprobs, 'prompt_logprobs'),
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

/** The JSON forms of the same results, which older servers give. */
export function fromForwardBackwardJson(json: object): ForwardBackwardOutput {
  const { loss_fn_outputs, ...rest } = parse(forwardBackwardOutputJsonSchema, json, 'forward_backward');
  return {
    ...rest,
    loss_fn_outputs: loss_fn_outputs.map((record) =>
      Object.fromEntries(
        Object.entries(record).map(([name, { dtype, data, shape }]) => {
          const dims = shape ?? [data.length];
          const tensor: TensorData =
            dtype === 'float32'
              ? { dtype, data: Float32Array.from(data, Number), shape: dims }
              : { dtype, data: BigInt64Array.from(data, (value) => BigInt(Number(value))), shape: dims };
          return [name, tensor];
        }),
      ),
    ),
  };
}

export function fromSampleJson(json: object): SampleResponse {
  const { sequences, prompt_logprobs, prompt_cache_hit_tokens } = parse(
    sampleResponseJsonSchema,
    json,
    'sample',
  );
  return {
    sequences: sequences.map(({ stop_reason, tokens, logprobs }) => ({
      sequence_id: null,
      stop_reason,
      tokens: Int32Array.from(tokens),
      logprobs: logprobs == null ? null : Float32Array.from(logprobs),
    })),
    prompt_logprobs:
      prompt_logprobs == null ? null : Float32Array.from(prompt_logprobs, (value) => value ?? Number.NaN),
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
