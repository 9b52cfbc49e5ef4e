import { fromBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { SampleResponseSchema, StopReason } from '../../../src/proto/tinker_public_pb.ts';
import { toSampleProtobuf, toTrainingProtobuf } from '../../../src/server/wire/results-protobuf.ts';
import { fromProtobuf, parseProtobuf } from '../../../src/server/wire/training-request-protobuf.ts';

const read = (hex: string) => fromProtobuf(parseProtobuf(Buffer.from(hex, 'hex')));

describe('reading forward_backward requests of the official client (wire-protocol appendix A)', () => {
  it('reads tokens, an int64 tensor and its shape (A)', () => {
    const request = read(
      '0a016d10011a440a100a0e0a0c01000000020000000300000012300a0d7461726765745f746f6b656e73121f0a180200000000000000030000000000000004000000000000001802220103220d63726f73735f656e74726f7079',
    );
    expect(request).toEqual({
      modelId: 'm',
      seqId: 1,
      loss: 'cross_entropy',
      lossConfig: {},
      forwardOnly: false,
      data: [
        {
          tokens: Int32Array.of(1, 2, 3),
          inputs: new Map([
            ['target_tokens', { dtype: 'int64', values: Float64Array.of(2, 3, 4), shape: [3] }],
          ]),
        },
      ],
    });
  });

  it('reads negative tokens and makes sparse rows dense (B)', () => {
    const request = read(
      '0a016d10ac021a650a100a0e0a0c01000000ffffffff7011010012510a07776569676874731246123e0a080000803f00000040122000000000000000000100000000000000010000000000000002000000000000001a1001000000000000000300000000000000180122020304220d63726f73735f656e74726f7079',
    );
    expect(request.seqId).toBe(300);
    expect(request.data[0]).toEqual({
      tokens: Int32Array.of(1, -1, 70000),
      inputs: new Map([
        [
          'weights',
          { dtype: 'float32', values: Float32Array.of(0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2), shape: [3, 4] },
        ],
      ]),
    });
  });

  it('refuses images and audio by name and place (C)', () => {
    const hex =
      '0a016d1a2a0a0f120d0a0489504e471203706e6718000a0c120a0a02ffd812046a7065670a091a070a050402035000220370706f2a1d0a12636c69705f6c6f775f7468726573686f6c64119a9999999999e93f30013a1f0a12636c69705f6c6f775f7468726573686f6c641209099a9999999999e93f';
    expect(() => read(hex)).toThrow(
      'data[0].model_input[0]: a chunk of type image is not supported by this server',
    );
  });

  it('takes a tensor without shape as one dimension, and no tokens as none (C2)', () => {
    const request = read(
      '0a016d10011a190a020a0012130a077765696768747312080a040000003f1801220d63726f73735f656e74726f7079',
    );
    expect(request.data[0]).toEqual({
      tokens: new Int32Array(),
      inputs: new Map([['weights', { dtype: 'float32', values: Float32Array.of(0.5), shape: [1] }]]),
    });
  });

  it('reads texts and numbers of the newer config map, and provenance spans (F)', () => {
    const request = read(
      '0a016d10021a6a0a100a0e0a0c01000000020000000300000012300a0d7461726765745f746f6b656e73121f0a1802000000000000000300000000000000040000000000000018022201031a070a050a017118021a0712050a0171180122090a070a017110011801220712050a017118022206637573746f6d2a0c0a016b1100000000000000403a0e0a016b12090900000000000000403a0f0a076c6f73735f6964120412024c31',
    );
    expect(request).toMatchObject({ seqId: 2, loss: 'custom', lossConfig: { k: 2, loss_id: 'L1' } });
    const { model_input_spans: spans } = request.data[0]?.spans ?? {};
    expect(spans?.map(({ span }) => [span.case, span.value?.sequenceId, span.value?.length])).toEqual([
      ['promptTokens', 'q', 2n],
      ['sampledTokens', 'q', 1n],
    ]);
  });

  it('refuses bytes that are no message', () => {
    expect(() => parseProtobuf(Buffer.from('ffff', 'hex'))).toThrow(
      'The body is not a ForwardBackwardRequest',
    );
  });

  it('refuses a number array that is cut short', () => {
    expect(() => read('0a016d10011a070a050a030a0101')).toThrow(
      'data[0].model_input[0]: 1 bytes are not a whole number',
    );
  });
});

describe('writing results (wire-protocol appendix A)', () => {
  it('writes a forward_backward result byte for byte as the official encoder does (E)', () => {
    const bytes = toTrainingProtobuf({
      logprobs: [
        { values: Float32Array.of(-1, -2), shape: [2] },
        { values: Float32Array.of(-3), shape: [1] },
      ],
      metrics: { 'loss:sum': 6 },
    });
    expect(Buffer.from(bytes).toString('hex')).toBe(
      '0a0f546f7263684c6f737352657475726e124b0a0f546f7263684c6f737352657475726e12360a086c6f6770726f6273122a0a0c000080bf000000c0000040c01218000000000000000008000000000000000c00000000000000180118021a130a086c6f73733a73756d110000000000001840',
    );
  });

  it('writes sequences and prompt log-probabilities of a sample', () => {
    const bytes = toSampleProtobuf({
      sequences: [
        { tokens: Int32Array.of(1, 2), logprobs: Float32Array.of(-1, -0.5), stopReason: 'length' },
        { tokens: Int32Array.of(7), logprobs: Float32Array.of(-2), stopReason: 'stop' },
      ],
      promptLogprobs: Float32Array.of(Number.NaN, -0.25),
    });
    const { sequences, promptLogprobs } = fromBinary(SampleResponseSchema, bytes);
    expect(Buffer.from(bytes).toString('hex')).toMatch(/^0a160801120801000000020000001a08000080bf000000bf/);
    expect(sequences.map(({ stopReason }) => stopReason)).toEqual([StopReason.LENGTH, StopReason.STOP]);
    expect(Buffer.from(promptLogprobs ?? []).toString('hex')).toBe('0000c07f000080be');
  });

  it('writes top-k log-probabilities of a prompt byte for byte as the official encoder does (D)', () => {
    const bytes = toSampleProtobuf({
      sequences: [
        { tokens: Int32Array.of(1, 2), logprobs: Float32Array.of(-1, -0.5), stopReason: 'length' },
        { tokens: Int32Array.of(7), logprobs: new Float32Array(), stopReason: 'stop' },
      ],
      promptLogprobs: Float32Array.of(Number.NaN, -0.25),
      topkPrompt: {
        tokenIds: Int32Array.of(0, 0, 5, 0),
        logprobs: Float32Array.of(-99_999, -99_999, -0.25, -99_999),
        k: 2,
        length: 2,
      },
    });
    const cacheHits = '2002';
    expect(Buffer.from(bytes).toString('hex') + cacheHits).toBe(
      '0a160801120801000000020000001a08000080bf000000bf0a0612040700000012080000c07f000080be1a280a10000000000000000005000000000000001210804fc3c7804fc3c7000080be804fc3c7180220022002',
    );
  });

  it('writes sampled top-k, sparse targets and alternative tokens byte for byte (G)', () => {
    const bytes = toSampleProtobuf({
      sequences: [
        {
          tokens: Int32Array.of(7),
          logprobs: new Float32Array(),
          stopReason: 'stop',
          topk: { tokenIds: Int32Array.of(7, 9), logprobs: Float32Array.of(-0.25, -2), k: 2, length: 1 },
        },
      ],
      targetLogprobs: Float32Array.of(-0.5),
      targetLayout: {
        shape: [2, 1],
        rows: { crow: BigInt64Array.of(0n, 0n, 1n), col: BigInt64Array.of(0n) },
      },
      alternatives: { tokens: Int32Array.of(4, 5), logprobs: Float32Array.of(-1, -2), k: 1 },
    });
    expect(Buffer.from(bytes).toString('hex')).toBe(
      '0a2012040700000022180a0807000000090000001208000080be000000c0180220012a32122a0a04000000bf12180000000000000000000000000000000001000000000000001a08000000000000000018012202020132240a100a08040000000500000018032202020112100a08000080bf000000c0180122020201',
    );
  });

  it('puts data of several targets per position in records of their own', () => {
    const bytes = toTrainingProtobuf({
      logprobs: [
        { values: Float32Array.of(-1, -2), shape: [2] },
        { values: Float32Array.of(-1, -2, -3, -4), shape: [2, 2] },
      ],
      metrics: {},
    });
    expect(Buffer.from(bytes).toString('hex').split(Buffer.from('logprobs').toString('hex'))).toHaveLength(3);
  });
});
