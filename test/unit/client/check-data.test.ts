import { describe, expect, it } from 'vitest';
import { supervisedDatum } from '../../../src/client/data.ts';
import { checkForwardBackward } from '../../../src/client/training/check-data.ts';
import { checkLoss } from '../../../src/client/training/check-loss.ts';
import type { Datum } from '../../../src/types/datum.ts';
import type { ModelInputChunk } from '../../../src/types/model-input.ts';
import type { LossFn, LossFnConfig } from '../../../src/types/loss.ts';
import type { ForwardBackwardInput } from '../../../src/types/training.ts';
import type { TensorInput } from '../../../src/types/tensor.ts';

const good = supervisedDatum({ tokens: [1, 2, 3] });

function check(datum: Datum, loss_fn: LossFn = 'cross_entropy', loss_fn_config?: LossFnConfig): () => void {
  return () =>
    checkForwardBackward({
      data: [good, datum].slice(loss_fn === 'cross_entropy' ? 0 : 1),
      loss_fn,
      loss_fn_config,
    } as ForwardBackwardInput);
}

const withInput = (name: string, tensor: object): Datum => ({
  ...good,
  loss_fn_inputs: { ...good.loss_fn_inputs, [name]: tensor as TensorInput },
});

const sparseWeights = (rows: Partial<TensorInput>): Datum => ({
  ...good,
  loss_fn_inputs: {
    target_tokens: { dtype: 'int64', data: [1, 2, 3, 4, 5, 6], shape: [2, 3] },
    weights: {
      dtype: 'float32',
      data: [1],
      shape: [2, 3],
      sparse_crow_indices: [0, 1, 1],
      sparse_col_indices: [2],
      ...rows,
    },
  },
});

const withChunk = (chunk: ModelInputChunk): Datum => ({ ...good, model_input: { chunks: [chunk] } });

const sampled = { type: 'sampled_tokens', sequence_id: 'q', length: 2 } as const;
const withSpans = (spans: Datum['model_input_spans']): Datum => ({
  ...good,
  model_input_spans: spans,
  loss_fn_input_spans: [sampled],
});

describe('checkForwardBackward', () => {
  it.each([
    [
      'a fractional target',
      withInput('target_tokens', { dtype: 'int64', data: [1, 1.7] }),
      'data[1].loss_fn_inputs.target_tokens[1] must be an integer',
    ],
    [
      'a negative target',
      withInput('target_tokens', { dtype: 'int64', data: [1, -100] }),
      'target_tokens[1] must be a token id, and is -100',
    ],
    [
      'a target beyond int32',
      withInput('target_tokens', { dtype: 'int64', data: [2 ** 40, 1] }),
      'target_tokens[0] must be a token id',
    ],
    [
      'too few targets',
      withInput('target_tokens', { dtype: 'int64', data: [1] }),
      'a target for each of the 2 tokens of model_input, and has 1',
    ],
    [
      'NaN',
      withInput('weights', { dtype: 'float32', data: Float32Array.of(1, NaN) }),
      'weights[1] must be a finite number, and is NaN',
    ],
    [
      'infinity',
      withInput('weights', { dtype: 'float32', data: [Infinity, 1] }),
      'weights[0] must be a finite number, and is Infinity',
    ],
    [
      'another element type',
      withInput('weights', { dtype: 'float64', data: [1, 1] }),
      'weights.dtype must be float32 or int64, and is "float64"',
    ],
    [
      'a shape that does not hold the values',
      withInput('weights', { dtype: 'float32', data: [1, 1], shape: [3] }),
      'has 2 values, but its shape [3] holds 3',
    ],
    [
      'half a sparse tensor',
      withInput('weights', { dtype: 'float32', data: [1], sparse_crow_indices: [0, 1] }),
      'both index arrays',
    ],
    [
      'a known input of the wrong element type',
      withInput('weights', { dtype: 'int64', data: [1, 1] }),
      'data[1].loss_fn_inputs.weights.dtype must be float32, and is int64',
    ],
    [
      'weights of another shape than the targets',
      withInput('weights', { dtype: 'float32', data: [1] }),
      'data[1].loss_fn_inputs.weights must have the shape of target_tokens, [2], and has [1]',
    ],
    [
      'a shape that is none',
      withInput('weights', { dtype: 'float32', data: [1, 1], shape: [-1, -2] }),
      'weights.shape must be sizes, and is [-1, -2]',
    ],
    [
      'rows that do not begin at 0',
      sparseWeights({ sparse_crow_indices: [1, 1, 1] }),
      'sparse_crow_indices must rise from 0 to 1, the number of values',
    ],
    [
      'too few rows',
      sparseWeights({ sparse_crow_indices: [0, 1] }),
      'sparse_crow_indices must have 3 values and sparse_col_indices 1, and they have 2 and 1',
    ],
    [
      'a column that is none',
      sparseWeights({ sparse_col_indices: [3] }),
      'sparse_col_indices[0] must be a column of 3, and is 3',
    ],
    [
      'base64 of another alphabet',
      withChunk({ type: 'image', data: '_-8=', format: 'png' }),
      'data[1].model_input.chunks[0].data must be a Uint8Array, or its bytes as base64',
    ],
    [
      'base64 without padding',
      withChunk({ type: 'dmel', dmel: 'BAU' }),
      'data[1].model_input.chunks[0].dmel must be a Uint8Array',
    ],
    [
      'an image pointer (TYP-4)',
      withChunk({ type: 'image_asset_pointer', location: 'x', format: 'png' }),
      'chunks[0] is an image_asset_pointer, which training cannot send',
    ],
    [
      'a chunk of no kind',
      withChunk({ type: 'video' } as unknown as ModelInputChunk),
      'chunks[0].type must be encoded_text, image or dmel, and is "video"',
    ],
    [
      'spans of one field alone',
      { ...good, model_input_spans: [] },
      'data[1] needs both model_input_spans and loss_fn_input_spans, or neither',
    ],
    [
      'spans that leave positions out',
      withSpans([{ type: 'prompt_tokens', sequence_id: 'q', length: 1 }]),
      'data[1].model_input_spans must cover all 2 positions, and cover 1',
    ],
    [
      'a span of no sequence',
      withSpans([{ type: 'prompt_tokens', sequence_id: '', length: 2 }]),
      'model_input_spans[0].sequence_id must be that of a sampled sequence',
    ],
    [
      'a span of no kind',
      withSpans([{ type: 'prompt' as 'prompt_tokens', sequence_id: 'q', length: 2 }]),
      'model_input_spans[0].type must be prompt_tokens or sampled_tokens, and is "prompt"',
    ],
    [
      'a span before its prompt',
      withSpans([{ type: 'prompt_tokens', sequence_id: 'q', offset: -1, length: 2 }]),
      'model_input_spans[0].offset must be an integer from 0 on, and is -1',
    ],
    ['a misspelt field', { ...good, lossFnInputs: {} } as Datum, "data[1] has no option 'lossFnInputs'"],
    [
      'no chunks',
      { ...good, model_input: { chunks: [] } },
      'data[1].model_input must have at least one chunk',
    ],
    [
      'a token that is none',
      { ...good, model_input: { chunks: [{ type: 'encoded_text' as const, tokens: [1, -2] }] } },
      'data[1].model_input.chunks[0].tokens[1]',
    ],
  ])('refuses %s, naming datum and field', (_, datum, message) => {
    expect(check(datum)).toThrow(message);
  });

  it('names every input that the loss needs and that is not there', () => {
    expect(check(good, 'ppo')).toThrow(
      'data[0].loss_fn_inputs lacks logprobs, advantages, which the loss ppo needs',
    );
  });

  it('refuses config keys that the loss does not have, and passes those of losses that are not published', () => {
    expect(check(good, 'cross_entropy', { beta: 1 })).toThrow(
      'loss_fn_config.beta: the loss cross_entropy has no such key; it takes none',
    );
    const policy = withInput('logprobs', { dtype: 'float32', data: [0, 0] });
    const datum = {
      ...policy,
      loss_fn_inputs: { ...policy.loss_fn_inputs, advantages: { dtype: 'float32', data: [1, 1] } },
    } as Datum;
    expect(check(datum, 'ppo', { clip_low: 0.8 })).toThrow(
      'it takes clip_low_threshold, clip_high_threshold',
    );
    expect(check(datum, 'ppo', { clip_low_threshold: NaN })).toThrow('must be a finite number');
    expect(check(datum, 'ppo', { clip_low_threshold: '0.8' })).toThrow('must be a finite number, and is 0.8');
    expect(check(datum, 'dro', { anything: 1 })).not.toThrow();
    expect(check(datum, 'dro', { beta: 'much' })).toThrow('loss_fn_config.beta must be a finite number');
    expect(check(good, 'custom', { k: 1 })).toThrow('loss_fn_config.loss_id: the loss custom needs the id');
    expect(check(good, 'custom', { loss_id: 'L1', k: 1, name: 'x' })).not.toThrow();
    expect(check(good, 'sum' as LossFn)).toThrow('loss_fn must be one of cross_entropy');
  });

  it('has the compiler know the options of each loss (TYP-11, TYP-12)', () => {
    const data = [good];
    const inputs: ForwardBackwardInput[] = [
      { data, loss_fn: 'cross_entropy' },
      { data, loss_fn: 'ppo', loss_fn_config: { clip_low_threshold: 0.8, clip_high_threshold: undefined } },
      { data, loss_fn: 'dro', loss_fn_config: { beta: 0.05, unpublished: 1 } },
      { data, loss_fn: 'custom', loss_fn_config: { loss_id: 'L1' } },
      // @ts-expect-error: cross entropy has no options
      { data, loss_fn: 'cross_entropy', loss_fn_config: { beta: 1 } },
      // @ts-expect-error: misspelt
      { data, loss_fn: 'ppo', loss_fn_config: { clip_low: 0.8 } },
      // @ts-expect-error: no text
      { data, loss_fn: 'dro', loss_fn_config: { beta: '0.05' } },
      // @ts-expect-error: custom needs the id of its loss
      { data, loss_fn: 'custom' },
    ];
    const ppo = inputs[1]?.loss_fn_config ?? {};
    expect(checkLoss('ppo', ppo)).toEqual({ clip_low_threshold: 0.8 });
  });

  it('counts the positions of images and audio where spans must cover them (TYP-5, TYP-33)', () => {
    const spansOf = (length: number) => [{ type: 'sampled_tokens', sequence_id: 'q', length }] as const;
    // A container of 3 rows of 80: the marker of a constant tensor, uint8, two dimensions.
    const dmel = Uint8Array.of(0xfe, 4, 2, 3, 80);
    const mixed = (length: number, chunk: ModelInputChunk): Datum => ({
      ...good,
      model_input: { chunks: [...good.model_input.chunks, { type: 'dmel', dmel }, chunk] },
      model_input_spans: spansOf(length),
      loss_fn_input_spans: spansOf(2),
    });
    const image = { type: 'image', data: '', format: 'png' } as const;
    expect(check(mixed(2 + 3 + 300, { ...image, expected_tokens: 300 }))).not.toThrow();
    expect(check(mixed(5, { ...image, expected_tokens: 300 }))).toThrow('must cover all 305 positions');
    expect(check(mixed(7, image))).not.toThrow();
    expect(check(mixed(2 + 3 + 128, { type: 'dmel', dmel: Uint8Array.of(0, 1, 0x80, 1) }))).not.toThrow();
    for (const bad of [[], [9, 1, 1], [0, 0], [0, 1], [0, 1, 0x80]]) {
      expect(check(mixed(5, { type: 'dmel', dmel: Uint8Array.from(bad) }))).toThrow(
        'data[1].model_input.chunks[2].dmel is no serialized tensor',
      );
    }
  });

  it('sends matrices of targets and weights as compressed rows where these are smaller (TYP-6)', () => {
    const matrix = (values: number[], dtype: 'int64' | 'float32') => ({ dtype, data: values, shape: [2, 4] });
    const loss_fn_inputs = {
      target_tokens: matrix([9, 0, 0, 0, 0, 0, 0, 0], 'int64'),
      weights: matrix([1, 0, 0, 0, 0, 0, 0, 0.5], 'float32'),
    };
    const checked = (inputs: Datum['loss_fn_inputs']) =>
      checkForwardBackward({ data: [{ ...good, loss_fn_inputs: inputs }], loss_fn: 'cross_entropy' }).data[0]
        ?.loss_fn_inputs;
    expect(checked(loss_fn_inputs)).toEqual({
      target_tokens: {
        dtype: 'int64',
        data: BigInt64Array.of(9n),
        shape: [2, 4],
        sparse_crow_indices: Int32Array.of(0, 1, 1),
        sparse_col_indices: Int32Array.of(0),
      },
      weights: {
        dtype: 'float32',
        data: Float32Array.of(1, 0.5),
        shape: [2, 4],
        sparse_crow_indices: Int32Array.of(0, 1, 2),
        sparse_col_indices: Int32Array.of(0, 3),
      },
    });
    // Three of eight take 3 + 6 numbers, no fewer than eight.
    const full = { ...loss_fn_inputs, weights: matrix([1, 1, 0, 0, 0, 0, 0, 1], 'float32') };
    expect(checked(full)?.['weights']?.sparse_crow_indices).toBeUndefined();
  });

  it('gives typed arrays, and keeps those it was given', () => {
    const weights = Float32Array.of(1, 0);
    const { data } = checkForwardBackward({
      data: [withInput('weights', { dtype: 'float32', data: weights })],
      loss_fn: 'cross_entropy',
    });
    expect(data[0]?.loss_fn_inputs['weights']?.data).toBe(weights);
    expect(data[0]?.loss_fn_inputs['target_tokens']?.data).toEqual(BigInt64Array.of(2n, 3n));
  });
});
