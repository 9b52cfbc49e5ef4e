import { describe, expect, it } from 'vitest';
import { topkRow } from '../../../src/core/topk.ts';
import { decodeSampleResponse, fromSampleJson } from '../../../src/http/decode.ts';

const read = (hex: string) => decodeSampleResponse(Uint8Array.from(Buffer.from(hex, 'hex')));

describe('reading results of the official encoder (wire-protocol appendix A)', () => {
  it('reads sequences, prompt log-probabilities and their top-k (D, TYP-18)', () => {
    const response = read(
      '0a160801120801000000020000001a08000080bf000000bf0a0612040700000012080000c07f000080be1a280a10000000000000000005000000000000001210804fc3c7804fc3c7000080be804fc3c7180220022002',
    );
    expect(response).toEqual({
      sequences: [
        {
          sequence_id: null,
          stop_reason: 'length',
          tokens: Int32Array.of(1, 2),
          logprobs: Float32Array.of(-1, -0.5),
          topk_logprobs: null,
        },
        {
          sequence_id: null,
          stop_reason: 'stop',
          tokens: Int32Array.of(7),
          logprobs: null,
          topk_logprobs: null,
        },
      ],
      prompt_logprobs: Float32Array.of(NaN, -0.25),
      topk_prompt_logprobs: {
        token_ids: Int32Array.of(0, 0, 5, 0),
        logprobs: Float32Array.of(-99_999, -99_999, -0.25, -99_999),
        k: 2,
        length: 2,
      },
      target_prompt_logprobs: null,
      prompt_alt_tokens: null,
      prompt_cache_hit_tokens: 2,
    });
    const topk = response.topk_prompt_logprobs;
    expect(topk && [topkRow(topk, 0), topkRow(topk, 1), topkRow(topk, 2)]).toEqual([
      null,
      [[5, -0.25]],
      null,
    ]);
  });

  it('reads sampled top-k, sparse targets and alternative tokens, widened (G, TYP-18, TYP-19)', () => {
    const { sequences, target_prompt_logprobs, prompt_alt_tokens } = read(
      '0a2012040700000022180a0807000000090000001208000080be000000c0180220012a32122a0a04000000bf12180000000000000000000000000000000001000000000000001a08000000000000000018012202020132240a100a08040000000500000018032202020112100a08000080bf000000c0180122020201',
    );
    const topk = sequences[0]?.topk_logprobs;
    expect(topk && topkRow(topk, 0)).toEqual([
      [7, -0.25],
      [9, -2],
    ]);
    expect(target_prompt_logprobs).toEqual({
      dtype: 'float32',
      data: Float32Array.of(-0.5),
      shape: [2, 1],
      sparse_crow_indices: BigInt64Array.of(0n, 0n, 1n),
      sparse_col_indices: BigInt64Array.of(0n),
    });
    expect(prompt_alt_tokens).toEqual({
      tokens: { dtype: 'int64', data: BigInt64Array.of(4n, 5n), shape: [2, 1] },
      logprobs: { dtype: 'float32', data: Float32Array.of(-1, -2), shape: [2, 1] },
    });
  });

  it('refuses a table that is shorter than it claims, and a tensor without an element type', () => {
    expect(() => read('1a0c0a0400000000120018012002')).toThrow('less than the 2 rows of 1');
    expect(() => read('2a090a04000000bf220101')).toThrow('target_prompt_logprobs has no element type');
  });
});

describe('reading the JSON of older servers', () => {
  it('gives the same arrays (TYP-18, TYP-19)', () => {
    const response = fromSampleJson({
      sequences: [
        {
          stop_reason: 'stop',
          tokens: [7],
          logprobs: [-0.5],
          topk_logprobs: [
            [
              [7, -0.5],
              [9, -2],
            ],
          ],
        },
      ],
      topk_prompt_logprobs: [null, [[5, -0.25]]],
      target_prompt_logprobs: { data: [-0.5], dtype: 'float32', shape: [1, 1] },
      prompt_alt_tokens: {
        tokens: { data: [4], dtype: 'int64', shape: [1, 1] },
        logprobs: { data: [-1], dtype: 'float32', shape: [1, 1] },
      },
    });
    expect(response.sequences[0]?.topk_logprobs).toMatchObject({ k: 2, length: 1 });
    expect(response.topk_prompt_logprobs).toEqual({
      token_ids: Int32Array.of(0, 5),
      logprobs: Float32Array.of(-99_999, -0.25),
      k: 1,
      length: 2,
    });
    expect(response.target_prompt_logprobs?.data).toEqual(Float32Array.of(-0.5));
    expect(response.prompt_alt_tokens?.tokens.data).toEqual(BigInt64Array.of(4n));
  });
});
