import { describe, expect, it } from 'vitest';
import { supervisedDatum } from '../../../src/client/data.ts';
import { checkForwardBackward } from '../../../src/client/training/check-data.ts';
import type { Datum } from '../../../src/types/datum.ts';
import type { LossFn, LossFnConfig } from '../../../src/types/loss.ts';
import type { TensorInput } from '../../../src/types/tensor.ts';

const good = supervisedDatum({ tokens: [1, 2, 3] });

function check(datum: Datum, loss_fn: LossFn = 'cross_entropy', loss_fn_config?: LossFnConfig): () => void {
  return () =>
    checkForwardBackward({
      data: [good, datum].slice(loss_fn === 'cross_entropy' ? 0 : 1),
      loss_fn,
      loss_fn_config,
    });
}

const withInput = (name: string, tensor: object): Datum => ({
  ...good,
  loss_fn_inputs: { ...good.loss_fn_inputs, [name]: tensor as TensorInput },
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
    expect(check(datum, 'dro', { anything: 1 })).not.toThrow();
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
