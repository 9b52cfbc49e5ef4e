import { create, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { toBytes } from '../../../src/core/tensors.ts';
import {
  decodeForwardBackwardOutput,
  fromForwardBackwardJson,
  fromSampleJson,
} from '../../../src/http/decode.ts';
import {
  encodeForwardBackward,
  encodeForwardBackwardJson,
  encodePrompt,
  type ForwardBackwardBody,
} from '../../../src/http/encode.ts';
import { DType, ForwardBackwardOutputSchema } from '../../../src/proto/tinker_public_pb.ts';

/** The bytes of wire-protocol, appendix A, which the official encoder produced. */
const golden = {
  dense:
    '0a016d10011a440a100a0e0a0c01000000020000000300000012300a0d7461726765745f746f6b656e73121f0a180200000000000000030000000000000004000000000000001802220103220d63726f73735f656e74726f7079',
  sparse:
    '0a016d10ac021a650a100a0e0a0c01000000ffffffff7011010012510a07776569676874731246123e0a080000803f00000040122000000000000000000100000000000000010000000000000002000000000000001a1001000000000000000300000000000000180122020304220d63726f73735f656e74726f7079',
  empty: '0a016d10011a190a020a0012130a077765696768747312080a040000003f1801220d63726f73735f656e74726f7079',
  output:
    '0a0f546f7263684c6f737352657475726e124b0a0f546f7263684c6f737352657475726e12360a086c6f6770726f6273122a0a0c000080bf000000c0000040c01218000000000000000008000000000000000c00000000000000180118021a130a086c6f73733a73756d110000000000001840',
};

const common = { model_id: 'm', loss_fn: 'cross_entropy', forward_only: false } as const;
const text = (tokens: number[]) => ({ chunks: [{ type: 'encoded_text', tokens }] }) as const;
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const bytes = (digits: string): Uint8Array => Buffer.from(digits, 'hex');

describe('encodeForwardBackward', () => {
  it('writes the bytes of the official encoder for a dense tensor', () => {
    const body: ForwardBackwardBody = {
      ...common,
      seq_id: 1,
      data: [
        {
          model_input: text([1, 2, 3]),
          loss_fn_inputs: { target_tokens: { dtype: 'int64', data: [2, 3, 4], shape: [3] } },
        },
      ],
    };
    expect(hex(encodeForwardBackward(body))).toBe(golden.dense);
  });

  it('writes the bytes of the official encoder for a sparse tensor', () => {
    const weights = {
      dtype: 'float32',
      data: [1, 2],
      shape: [3, 4],
      sparse_crow_indices: [0, 1, 1, 2],
      sparse_col_indices: [1, 3],
    } as const;
    // The official encoder does not check tokens; ours is given the same bytes through an unchecked chunk.
    const model_input = { chunks: [{ type: 'encoded_text', tokens: [1, 2, 70000] }] } as const;
    const ours = hex(
      encodeForwardBackward({ ...common, seq_id: 300, data: [{ model_input, loss_fn_inputs: { weights } }] }),
    );
    expect(ours.replace('01000000020000007011', '01000000ffffffff7011')).toBe(golden.sparse);
  });

  it('writes an empty text and a tensor without a shape as the official encoder does', () => {
    const data = [
      { model_input: text([]), loss_fn_inputs: { weights: { dtype: 'float32', data: [0.5] } } },
    ] as const;
    expect(hex(encodeForwardBackward({ ...common, seq_id: 1, data }))).toBe(golden.empty);
  });

  it('names datum and field of what cannot be sent', () => {
    const encode = (data: ForwardBackwardBody['data']) => () =>
      encodeForwardBackward({ ...common, seq_id: 1, data });
    const weights = { dtype: 'float32', data: [1, 2], shape: [3] } as const;
    expect(encode([{ model_input: text([1]), loss_fn_inputs: { weights } }])).toThrow(
      'data[0].loss_fn_inputs.weights has 2 values, but its shape [3] holds 3',
    );
    expect(encode([{ model_input: text([-1]), loss_fn_inputs: {} }])).toThrow(
      'data[0].model_input.chunks[0].tokens[0]',
    );
  });

  it('has a JSON form for older servers (wire-protocol 13.2)', () => {
    const data = [
      {
        model_input: text([1, 2]),
        loss_fn_inputs: { target_tokens: { dtype: 'int64', data: Int32Array.of(2, 3) } },
      },
    ] as const;
    expect(JSON.parse(JSON.stringify(encodeForwardBackwardJson({ ...common, seq_id: 4, data })))).toEqual({
      forward_backward_input: {
        data: [
          {
            loss_fn_inputs: { target_tokens: { data: [2, 3], dtype: 'int64' } },
            model_input: { chunks: [{ tokens: [1, 2], type: 'encoded_text' }] },
          },
        ],
        loss_fn: 'cross_entropy',
      },
      model_id: 'm',
      seq_id: 4,
    });
  });
});

describe('encodePrompt', () => {
  it('writes typed arrays as arrays', () => {
    const prompt = { chunks: [{ type: 'encoded_text', tokens: Int32Array.of(1, 2) }] } as const;
    expect(JSON.stringify(encodePrompt(prompt))).toBe('{"chunks":[{"tokens":[1,2],"type":"encoded_text"}]}');
  });
});

describe('decoding results', () => {
  it('reads the official forward_backward output, datum by datum', () => {
    expect(decodeForwardBackwardOutput(bytes(golden.output))).toEqual({
      loss_fn_output_type: 'TorchLossReturn',
      loss_fn_outputs: [
        { logprobs: { dtype: 'float32', data: Float32Array.of(-1, -2), shape: [2] } },
        { logprobs: { dtype: 'float32', data: Float32Array.of(-3), shape: [1] } },
      ],
      metrics: { 'loss:sum': 6 },
    });
  });

  it.each([0, 1, 2, 3])(
    'reads a long result that begins %i bytes beside a multiple of four, without a copy',
    (shift) => {
      const values = Float32Array.from({ length: 5000 }, (_, index) => index / 8);
      const message = toBinary(
        ForwardBackwardOutputSchema,
        create(ForwardBackwardOutputSchema, {
          lossFnOutputType: 'T',
          lossFnOutputs: [
            {
              numDatums: 2n,
              fields: {
                logprobs: {
                  data: toBytes(values),
                  offsets: toBytes(BigInt64Array.of(0n, 8000n, 20_000n)),
                  dtype: DType.DTYPE_FLOAT32,
                },
              },
            },
          ],
          metrics: { 'loss:sum': 2 },
        }),
      );
      const body = Buffer.alloc(message.length + shift);
      body.set(message, shift);
      const output = decodeForwardBackwardOutput(body.subarray(shift));
      expect(output).toEqual({
        loss_fn_output_type: 'T',
        loss_fn_outputs: [
          { logprobs: { dtype: 'float32', data: values.slice(0, 2000), shape: [2000] } },
          { logprobs: { dtype: 'float32', data: values.slice(2000), shape: [3000] } },
        ],
        metrics: { 'loss:sum': 2 },
      });
      expect(output.loss_fn_outputs[0]?.['logprobs']?.data.buffer).toBe(body.buffer);
    },
  );

  it('reads the JSON forms of the same results', () => {
    const output = fromForwardBackwardJson({
      loss_fn_output_type: 'T',
      loss_fn_outputs: [{ logprobs: { data: [-1, -2], dtype: 'float32', shape: [2] } }],
      metrics: { 'loss:sum': 3 },
    });
    expect(output.loss_fn_outputs[0]).toEqual({
      logprobs: { dtype: 'float32', data: Float32Array.of(-1, -2), shape: [2] },
    });
    const sample = fromSampleJson({
      sequences: [{ stop_reason: 'stop', tokens: [7] }],
      prompt_logprobs: [null, -0.5],
    });
    expect(sample.prompt_logprobs).toEqual(Float32Array.of(Number.NaN, -0.5));
  });

  it('refuses what is no result', () => {
    expect(() => fromSampleJson({ sequences: 'none' })).toThrow('sample result');
    expect(() => decodeForwardBackwardOutput(bytes(golden.output.slice(0, -10)))).toThrow();
  });
});
