import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toBigIntArray } from '../../../src/core/tensors.ts';
import { encodeForwardBackward } from '../../../src/http/encode.ts';
import { DType, ForwardBackwardRequestSchema } from '../../../src/proto/tinker_public_pb.ts';
import type { Datum } from '../../../src/types/datum.ts';

const common = { model_id: 'session-1:train:0', seq_id: 7, loss_fn: 'ppo', forward_only: true } as const;
const bytesOf = (values: Int32Array | Float32Array | BigInt64Array): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);

/** The same request, written by the library alone. */
function byLibrary(
  data: readonly { tokens: Int32Array; targets: BigInt64Array; weights: Float32Array }[],
): Uint8Array {
  const request = create(ForwardBackwardRequestSchema, {
    modelId: common.model_id,
    seqId: common.seq_id,
    data: data.map(({ tokens, targets, weights }) => ({
      modelInput: [{ chunk: { case: 'encodedText' as const, value: { tokens: bytesOf(tokens) } } }],
      lossFnInputs: {
        target_tokens: {
          encoding: { case: 'dense' as const, value: bytesOf(targets) },
          dtype: DType.DTYPE_INT64,
          shape: [BigInt(targets.length)],
        },
        weights: {
          encoding: { case: 'dense' as const, value: bytesOf(weights) },
          dtype: DType.DTYPE_FLOAT32,
          shape: [BigInt(weights.length)],
        },
      },
    })),
    lossFn: common.loss_fn,
    forwardOnly: common.forward_only,
  });
  return toBinary(ForwardBackwardRequestSchema, request);
}

const lengths = fc.oneof(fc.integer({ min: 0, max: 40 }), fc.constantFrom(127, 128, 4095, 4096, 16_383));

describe('encodeForwardBackward', () => {
  it('writes what the library writes, whatever the lengths', () => {
    fc.assert(
      fc.property(fc.array(lengths, { maxLength: 4 }), (sizes) => {
        const plain = sizes.map((length) => ({
          tokens: Int32Array.from({ length }, (_, index) => index * 31),
          targets: BigInt64Array.from({ length }, (_, index) => BigInt(index)),
          weights: Float32Array.from({ length }, (_, index) => index / 8),
        }));
        const data = plain.map(({ tokens, targets, weights }): Datum => ({
          model_input: { chunks: [{ type: 'encoded_text', tokens }] },
          loss_fn_inputs: {
            target_tokens: { dtype: 'int64', data: targets, shape: [targets.length] },
            weights: { dtype: 'float32', data: weights, shape: [weights.length] },
          },
        }));
        const [ours, theirs] = [encodeForwardBackward({ ...common, data }), byLibrary(plain)];
        expect(Buffer.compare(ours, theirs)).toBe(0);
      }),
      { numRuns: 30 },
    );
  });

  it('writes images, audio and text of one datum in their order', () => {
    const datum: Datum = {
      model_input: {
        chunks: [
          { type: 'image', data: 'AQID', format: 'png', expected_tokens: 0 },
          { type: 'encoded_text', tokens: Int32Array.of(5) },
          { type: 'dmel', dmel: 'BAU=' },
        ],
      },
      loss_fn_inputs: {},
    };
    const { data } = fromBinary(
      ForwardBackwardRequestSchema,
      encodeForwardBackward({ ...common, data: [datum] }),
    );
    expect(data[0]?.modelInput.map(({ chunk }) => chunk.case)).toEqual(['image', 'encodedText', 'dmel']);
    const image = data[0]?.modelInput[0]?.chunk;
    expect(image?.case === 'image' ? [image.value.format, image.value.expectedTokens] : []).toEqual([
      'png',
      0,
    ]);
  });
});

describe('toBigIntArray', () => {
  it('keeps every safe integer, negative ones too', () => {
    fc.assert(
      fc.property(fc.array(fc.maxSafeInteger()), (values) => {
        expect([...toBigIntArray(values, 'values')]).toEqual(values.map(BigInt));
      }),
    );
  });

  it('widens 32-bit integers with their sign', () => {
    fc.assert(
      fc.property(fc.int32Array(), (values) => {
        expect([...toBigIntArray(values, 'values')]).toEqual([...values].map(BigInt));
      }),
    );
  });
});
