import { describe, expect, it } from 'vitest';
import { checkLossConfig } from '../../../src/server/losses.ts';
import type { RequestTensor } from '../../../src/server/wire/tensor.ts';
import type { TrainingRequest } from '../../../src/server/wire/training-request.ts';
import { toTrainingRows } from '../../../src/server/wire/training-rows.ts';

const model = { name: 'local/random', vocabularySize: 100, maxContextLength: 8, parameterCount: 1 };

const ints = (values: number[], shape = [values.length]): RequestTensor => ({
  dtype: 'int64',
  values: Float64Array.from(values),
  shape,
});
const floats = (values: number[], shape = [values.length]): RequestTensor => ({
  dtype: 'float32',
  values: Float32Array.from(values),
  shape,
});

function requestOf(loss: string, tokens: number[], inputs: Record<string, RequestTensor>): TrainingRequest {
  const datum = { tokens: Int32Array.from(tokens), inputs: new Map(Object.entries(inputs)) };
  return { modelId: 'm', seqId: 1, loss, lossConfig: {}, forwardOnly: false, data: [datum] };
}

const policy = { target_tokens: ints([2, 3]), logprobs: floats([-1, -1]), advantages: floats([1, 1]) };

describe('toTrainingRows', () => {
  it('passes one target per position, weights and the shape of the result', () => {
    const inputs = { target_tokens: ints([2, 3]), weights: floats([0, 1]) };
    expect(toTrainingRows(requestOf('cross_entropy', [1, 2], inputs), model)).toEqual({
      rows: [
        {
          tokens: Int32Array.of(1, 2),
          targets: Int32Array.of(2, 3),
          targetCount: 1,
          weights: Float32Array.of(0, 1),
        },
      ],
      targetShapes: [[2]],
    });
  });

  it('takes several targets per position for cross_entropy', () => {
    const inputs = { target_tokens: ints([2, 3, 4, 5], [2, 2]), weights: floats([1, 0, 0.5, 0.5], [2, 2]) };
    const { rows, targetShapes } = toTrainingRows(requestOf('cross_entropy', [1, 2], inputs), model);
    expect(rows[0]?.targetCount).toBe(2);
    expect(targetShapes).toEqual([[2, 2]]);
  });

  it('takes whole-number weights as floats', () => {
    const inputs = { target_tokens: ints([2, 3]), weights: ints([0, 1]) };
    const { rows } = toTrainingRows(requestOf('cross_entropy', [1, 2], inputs), model);
    expect(rows[0]?.weights).toEqual(Float32Array.of(0, 1));
  });

  it('passes log-probabilities and advantages of a policy loss', () => {
    const { rows } = toTrainingRows(requestOf('ppo', [1, 2], policy), model);
    expect(rows[0]).toMatchObject({ logprobs: Float32Array.of(-1, -1), advantages: Float32Array.of(1, 1) });
  });

  it('passes the mask of gspo, and bounds for each token (TYP-6, TYP-12)', () => {
    const inputs = { ...policy, sequence_ratio_mask: ints([0, 1]), clip_high_threshold: floats([1.5, 2]) };
    const { rows } = toTrainingRows(requestOf('gspo', [1, 2], inputs), model);
    expect(rows[0]).toMatchObject({
      sequence_ratio_mask: Float32Array.of(0, 1),
      clip_high_threshold: Float32Array.of(1.5, 2),
    });
    expect(rows[0]).not.toHaveProperty('clip_low_threshold');
  });

  const targets = { target_tokens: ints([2, 3]) };
  it.each<[string, TrainingRequest, string]>([
    ['no data', { ...requestOf('ppo', [], {}), data: [] }, 'data is empty'],
    ['a datum without tokens', requestOf('cross_entropy', [], targets), 'data[0].model_input has no tokens'],
    [
      'a token beyond the vocabulary',
      requestOf('cross_entropy', [1, 100], targets),
      'token 100 at position 1 is outside the vocabulary',
    ],
    ['a negative token', requestOf('cross_entropy', [-1, 1], targets), 'token -1 at position 0'],
    [
      'more tokens than the context',
      requestOf('cross_entropy', [1, 1, 1, 1, 1, 1, 1, 1, 1], targets),
      'has 9 tokens; local/random reads at most 8',
    ],
    ['no targets', requestOf('cross_entropy', [1, 2], {}), 'needs target_tokens'],
    [
      'float targets',
      requestOf('cross_entropy', [1, 2], { target_tokens: floats([1, 2]) }),
      'target_tokens must be int64',
    ],
    [
      'a target beyond the vocabulary',
      requestOf('cross_entropy', [1, 2], { target_tokens: ints([1, 2 ** 40]) }),
      'token 1099511627776 at position 1',
    ],
    [
      'too few targets',
      requestOf('cross_entropy', [1, 2], { target_tokens: ints([1]) }),
      'has shape [1], but model_input has 2 tokens',
    ],
    [
      'targets of three dimensions',
      requestOf('cross_entropy', [1], { target_tokens: ints([1], [1, 1, 1]) }),
      'one or two dimensions',
    ],
    [
      'several targets for a policy loss',
      requestOf('ppo', [1], { target_tokens: ints([1, 2], [1, 2]) }),
      'the loss ppo takes one target per position',
    ],
    [
      'weights of another shape',
      requestOf('cross_entropy', [1, 2], { ...targets, weights: floats([1]) }),
      'weights has shape [1], but target_tokens has [2]',
    ],
    [
      'a weight that is not finite',
      requestOf('cross_entropy', [1, 2], { ...targets, weights: floats([1, Number.NaN]) }),
      'data[0].loss_fn_inputs.weights has NaN at position 1',
    ],
    [
      'an infinite advantage',
      requestOf('ppo', [1, 2], { ...policy, advantages: floats([1, Infinity]) }),
      'advantages has Infinity at position 1',
    ],
    [
      'no advantages',
      requestOf('ppo', [1, 2], { ...targets, logprobs: floats([1, 1]) }),
      'the loss ppo needs advantages',
    ],
    ['gspo without its mask', requestOf('gspo', [1, 2], policy), 'the loss gspo needs sequence_ratio_mask'],
    [
      'bounds for a loss that does not clip',
      requestOf('dro', [1, 2], { ...policy, clip_low_threshold: floats([1, 1]) }),
      'loss_fn_inputs.clip_low_threshold: the loss dro does not read it',
    ],
    [
      'an input the loss does not read',
      requestOf('ppo', [1, 2], { ...policy, mask: floats([1, 1]) }),
      'loss_fn_inputs.mask: the loss ppo does not read it',
    ],
  ])('refuses %s', (_what, request, message) => {
    expect(() => toTrainingRows(request, model)).toThrow(message);
  });
});

describe('checkLossConfig', () => {
  it('passes the options that a loss has', () => {
    const config = { clip_low_threshold: 0.8, clip_high_threshold: 1.2 };
    expect(checkLossConfig('ppo', config)).toEqual(config);
    expect(checkLossConfig('dro', { beta: 0.05 })).toEqual({ beta: 0.05 });
  });

  it.each<[string, Record<string, number | string>, string]>([
    ['ppo', { beta: 1 }, 'loss_fn_config.beta: the loss ppo has no such option; it has clip_low_threshold'],
    ['cross_entropy', { k: 1 }, 'it has no options'],
    ['dro', { beta: 'much' }, 'loss_fn_config.beta must be a finite number'],
    ['dro', { beta: Number.NaN }, 'loss_fn_config.beta must be a finite number'],
    [
      'stable_reinforce',
      {},
      'The loss stable_reinforce is not supported by this server: its objective is not published',
    ],
    [
      'custom',
      { loss_id: 'a' },
      'The loss custom is not supported by this server: losses are not uploaded here',
    ],
    ['toString', {}, 'The loss toString is not supported by this server'],
    ['', {}, 'The loss (none given) is not supported by this server'],
  ])('refuses %s with %j', (loss, config, message) => {
    expect(() => checkLossConfig(loss, config)).toThrow(message);
  });
});
