import { create, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { decodeForwardBackwardOutput } from '../../../src/http/decode.ts';
import {
  encodeForwardBackward,
  encodeForwardBackwardJson,
  encodeTensorJson,
  type ForwardBackwardBody,
} from '../../../src/http/encode.ts';
import {
  DType,
  ForwardBackwardOutputSchema,
  type BatchedTensorSchema,
} from '../../../src/proto/tinker_public_pb.ts';

/** Bytes C and F of wire-protocol, appendix A, which the official encoder produced. */
const golden = {
  chunks:
    '0a016d1a2a0a0f120d0a0489504e471203706e6718000a0c120a0a02ffd812046a7065670a091a070a050402035000220370706f2a1d0a12636c69705f6c6f775f7468726573686f6c64119a9999999999e93f30013a1f0a12636c69705f6c6f775f7468726573686f6c641209099a9999999999e93f',
  spans:
    '0a016d10021a6a0a100a0e0a0c01000000020000000300000012300a0d7461726765745f746f6b656e73121f0a1802000000000000000300000000000000040000000000000018022201031a070a050a017118021a0712050a0171180122090a070a017110011801220712050a017118022206637573746f6d2a0c0a016b1100000000000000403a0e0a016b12090900000000000000403a0f0a076c6f73735f6964120412024c31',
};

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const bytesOf = (values: Uint16Array | Int32Array | BigInt64Array): Uint8Array =>
  new Uint8Array(values.buffer);

describe('what a datum carries beside text and dense tensors', () => {
  it('writes images, audio and options as the official encoder does, from bytes and from base64', () => {
    const png = Uint8Array.of(0x89, 0x50, 0x4e, 0x47);
    const chunksOf = (first: Uint8Array | string, second: Uint8Array | string, third: Uint8Array | string) =>
      [
        { type: 'image', data: first, format: 'png', expected_tokens: 0 },
        { type: 'image', data: second, format: 'jpeg' },
        { type: 'dmel', dmel: third },
      ] as const;
    const body = (chunks: ReturnType<typeof chunksOf>): ForwardBackwardBody => ({
      model_id: 'm',
      seq_id: 0,
      data: [{ model_input: { chunks }, loss_fn_inputs: {} }],
      loss_fn: 'ppo',
      loss_fn_config: { clip_low_threshold: 0.8 },
      forward_only: true,
    });
    const raw = chunksOf(png, Uint8Array.of(0xff, 0xd8), Uint8Array.of(4, 2, 3, 0x50, 0));
    expect(hex(encodeForwardBackward(body(raw)))).toBe(golden.chunks);
    expect(hex(encodeForwardBackward(body(chunksOf('iVBORw==', '/9g=', 'BAIDUAA='))))).toBe(golden.chunks);
    const { data } = (
      encodeForwardBackwardJson(body(raw)) as { forward_input: { data: { model_input: object }[] } }
    ).forward_input;
    expect(data[0]?.model_input).toEqual({ chunks: chunksOf('iVBORw==', '/9g=', 'BAIDUAA=') });
  });

  it('writes provenance spans and texts among the options as the official encoder does (TYP-33)', () => {
    const body: ForwardBackwardBody = {
      model_id: 'm',
      seq_id: 2,
      data: [
        {
          model_input: { chunks: [{ type: 'encoded_text', tokens: [1, 2, 3] }] },
          loss_fn_inputs: { target_tokens: { dtype: 'int64', data: [2, 3, 4], shape: [3] } },
          model_input_spans: [
            { type: 'prompt_tokens', sequence_id: 'q', length: 2 },
            { type: 'sampled_tokens', sequence_id: 'q', length: 1 },
          ],
          loss_fn_input_spans: [
            { type: 'prompt_tokens', sequence_id: 'q', offset: 1, length: 1 },
            { type: 'sampled_tokens', sequence_id: 'q', offset: 0, length: 2 },
          ],
        },
      ],
      loss_fn: 'custom',
      loss_fn_config: { k: 2, loss_id: 'L1' },
      forward_only: false,
    };
    expect(hex(encodeForwardBackward(body))).toBe(golden.spans);
    expect(() => encodeForwardBackwardJson(body)).toThrow(
      'data[0] has provenance spans, which the JSON form',
    );
  });

  it('has compressed rows in its JSON form too (wire-protocol 3.3)', () => {
    const rows = { sparse_crow_indices: Int32Array.of(0, 1, 1), sparse_col_indices: [2] };
    const weights = { dtype: 'float32', data: Float32Array.of(0.5), shape: [2, 3], ...rows } as const;
    expect(encodeTensorJson(weights, 'weights')).toEqual({
      data: [0.5],
      dtype: 'float32',
      shape: [2, 3],
      sparse_crow_indices: [0, 1, 1],
      sparse_col_indices: [2],
    });
  });
});

describe('decoding forward_backward results', () => {
  it('widens bfloat16 and int32, cuts rows of K, and lays the records of ragged fields end to end (TYP-7)', () => {
    const offsets = (...ends: number[]) => bytesOf(BigInt64Array.from(ends, BigInt));
    const record = (
      fields: Record<string, MessageInitShape<typeof BatchedTensorSchema>>,
      numDatums: bigint,
    ) => ({
      typeTag: 'T',
      numDatums,
      fields,
    });
    const message = create(ForwardBackwardOutputSchema, {
      lossFnOutputType: 'module:T',
      lossFnOutputs: [
        record(
          {
            half: {
              // The upper halves of the float32 values 1, -2, 0.5 and 3.
              data: bytesOf(Uint16Array.of(0x3f80, 0xc000, 0x3f00, 0x4040)),
              offsets: offsets(0, 4, 8),
              dtype: DType.DTYPE_BFLOAT16,
              trailingShape: [2n],
            },
          },
          2n,
        ),
        record(
          {
            half: {
              data: bytesOf(Int32Array.of(7, -8, 9)),
              offsets: offsets(0, 12),
              dtype: DType.DTYPE_INT32,
            },
          },
          0n,
        ),
        record({}, 1n),
      ],
    });
    const output = decodeForwardBackwardOutput(toBinary(ForwardBackwardOutputSchema, message));
    expect(output).toEqual({
      loss_fn_output_type: 'T',
      loss_fn_outputs: [
        { half: { dtype: 'float32', data: Float32Array.of(1, -2), shape: [1, 2] } },
        { half: { dtype: 'float32', data: Float32Array.of(0.5, 3), shape: [1, 2] } },
        { half: { dtype: 'int64', data: BigInt64Array.of(7n, -8n, 9n), shape: [3] } },
        {},
      ],
      metrics: {},
    });
  });
});
