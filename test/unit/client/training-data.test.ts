import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { modelInput, sampledDatum, supervisedDatum } from '../../../src/client/data.ts';
import { estimateDatumBytes, toChunks } from '../../../src/client/training/chunking.ts';
import { combineOutputs } from '../../../src/client/training/combine.ts';
import type { ForwardBackwardOutput } from '../../../src/types/training.ts';

describe('supervisedDatum (CBK-8)', () => {
  it('shifts targets and weights by one', () => {
    const { model_input, loss_fn_inputs } = supervisedDatum({
      tokens: [1, 2, 3, 4],
      weights: [0, 0, 1, 0.5],
    });
    expect(model_input.chunks).toEqual([{ type: 'encoded_text', tokens: Int32Array.of(1, 2, 3) }]);
    expect(loss_fn_inputs).toEqual({
      target_tokens: { dtype: 'int64', data: Int32Array.of(2, 3, 4), shape: [3] },
      weights: { dtype: 'float32', data: Float32Array.of(0, 1, 0.5), shape: [3] },
    });
  });

  it('counts every target when no weights are given', () => {
    expect(supervisedDatum({ tokens: [1, 2, 3] }).loss_fn_inputs['weights']?.data).toEqual(
      Float32Array.of(1, 1),
    );
  });

  it('refuses what cannot be an example', () => {
    expect(() => supervisedDatum({ tokens: [1] })).toThrow('at least two tokens');
    expect(() => supervisedDatum({ tokens: [1, 2], weights: [1] })).toThrow('one value per token: 2, not 1');
    expect(() => supervisedDatum({ tokens: [1, 2], weights: [1, Number.POSITIVE_INFINITY] })).toThrow(
      'weights[1]',
    );
    expect(() => modelInput([1, 1.7])).toThrow('tokens[1] must be a token id');
  });
});

describe('sampledDatum (TYP-33)', () => {
  const sequence = { tokens: Int32Array.of(3, 4), logprobs: Float32Array.of(-1, -2), sequence_id: 'q' };

  it('lays prompt and sequence end to end, shifted by one, and says where they come from', () => {
    expect(sampledDatum({ prompt: [1, 2], sequence, advantages: 0.5 })).toEqual({
      model_input: modelInput([1, 2, 3]),
      loss_fn_inputs: {
        target_tokens: { dtype: 'int64', data: Int32Array.of(2, 3, 4), shape: [3] },
        logprobs: { dtype: 'float32', data: Float32Array.of(0, -1, -2), shape: [3] },
        advantages: { dtype: 'float32', data: Float32Array.of(0, 0.5, 0.5), shape: [3] },
      },
      model_input_spans: [
        { type: 'prompt_tokens', sequence_id: 'q', length: 2 },
        { type: 'sampled_tokens', sequence_id: 'q', length: 1 },
      ],
      loss_fn_input_spans: [
        { type: 'prompt_tokens', sequence_id: 'q', offset: 1, length: 1 },
        { type: 'sampled_tokens', sequence_id: 'q', length: 2 },
      ],
    });
  });

  it('has no spans where the server gave no id, and an advantage for each token when asked', () => {
    const datum = sampledDatum({
      prompt: [1],
      sequence: { ...sequence, sequence_id: null },
      advantages: [1, -1],
    });
    expect(datum.model_input_spans).toBeUndefined();
    expect(datum.loss_fn_inputs['advantages']?.data).toEqual(Float32Array.of(1, -1));
  });

  it('refuses what cannot be an example', () => {
    expect(() => sampledDatum({ prompt: [], sequence, advantages: 1 })).toThrow('at least one token each');
    expect(() =>
      sampledDatum({ prompt: [1], sequence: { ...sequence, logprobs: null }, advantages: 1 }),
    ).toThrow('sequence.logprobs must have one value for each of the 2 tokens');
    expect(() => sampledDatum({ prompt: [1], sequence, advantages: [1] })).toThrow('per token: 2, not 1');
  });
});

describe('toChunks (wire-protocol 6.2)', () => {
  const datumOf = (tokenCount: number) => ({
    model_input: modelInput(new Int32Array(tokenCount)),
    loss_fn_inputs: {},
  });

  it('keeps order, never exceeds the limits but for one huge datum, and makes no empty chunk', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 50 });
    fc.assert(
      fc.property(
        sizes,
        fc.integer({ min: 1, max: 7 }),
        fc.integer({ min: 4, max: 200 }),
        (lengths, datumCount, bytes) => {
          const data = lengths.map(datumOf);
          const chunks = toChunks(data, { datumCount, bytes });
          expect(chunks.flat()).toEqual(data);
          for (const chunk of chunks) {
            const size = chunk.reduce((sum, datum) => sum + estimateDatumBytes(datum), 0);
            expect(chunk.length).toBeGreaterThan(0);
            expect(chunk.length).toBeLessThanOrEqual(datumCount);
            expect(size <= bytes || chunk.length === 1).toBe(true);
          }
        },
      ),
    );
  });

  it('counts bytes as the server does: 4 a token, 4 a float, 8 an integer and an index', () => {
    const weights = {
      dtype: 'float32',
      data: [1, 2],
      shape: [2, 3],
      sparse_crow_indices: [0, 1, 2],
      sparse_col_indices: [0, 1],
    } as const;
    const targets = { dtype: 'int64', data: [1, 2, 3] } as const;
    expect(estimateDatumBytes({ ...datumOf(5), loss_fn_inputs: { weights, targets } })).toBe(
      20 + 8 + 40 + 24,
    );
  });
});

describe('combineOutputs (wire-protocol 6.5)', () => {
  const output = (count: number, metrics: Record<string, number>): ForwardBackwardOutput => ({
    loss_fn_output_type: 'T',
    loss_fn_outputs: Array.from({ length: count }, () => ({})),
    metrics,
  });
  const combine = (name: string, ...values: [count: number, value: number][]): number | undefined =>
    combineOutputs(values.map(([count, value]) => output(count, { [name]: value }))).metrics[name];

  it('reduces by the word after the colon, weighted by outputs where it says so', () => {
    expect(combine('x:mean', [2, 1], [2, 2], [1, 3])).toBeCloseTo(1.8);
    expect(combine('x:sum', [2, 1], [2, 2])).toBe(3);
    expect([combine('x:min', [1, 4], [1, 2]), combine('x:max', [1, 4], [1, 2])]).toEqual([2, 4]);
    expect(combine('x:slack', [2, 1], [2, 3])).toBe(1);
    expect([combine('x:hash2', [1, 5], [1, 3]), combine('x:hash2', [1, -1], [1, 2])]).toEqual([8, 1]);
    expect(combine('x:mean', [0, 1], [0, 2])).toBe(0);
  });

  it('keeps every unique value, and metrics that only some chunks have or that it does not know', () => {
    const combined = combineOutputs([
      output(1, { 'a:unique': 1, 'b:odd': 7, plain: 3 }),
      output(1, { 'a:unique': 2, 'c:sum': 5 }),
    ]);
    expect(combined.metrics).toEqual({ 'a:unique': 1, 'a:unique_1': 2, 'b:odd': 7, plain: 3, 'c:sum': 5 });
  });

  it('leaves the metrics of a single chunk untouched', () => {
    const only = output(1, { 'x:last': 1, odd: 2 });
    expect(combineOutputs([only])).toBe(only);
  });
});
