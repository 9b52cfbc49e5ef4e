import { describe, expect, it } from 'vitest';
import { EngineError } from '../../../../src/server/engine/engine-error.ts';
import type { TrainingRow } from '../../../../src/server/engine/engine.ts';
import { createLoss } from '../../../../src/server/engine/training/losses.ts';

const row = (inputs: Partial<TrainingRow>): TrainingRow => ({
  tokens: new Int32Array(3),
  targets: new Int32Array(3),
  targetCount: 1,
  ...inputs,
});

/** Log-probabilities of three tokens, whose ratios to the given ones below are 0.5, 1 and 2. */
const logprobs = Float32Array.from([Math.log(0.2), Math.log(0.3), Math.log(0.8)]);
const policy = row({
  logprobs: Float32Array.from([Math.log(0.4), Math.log(0.3), Math.log(0.4)]),
  advantages: Float32Array.from([1, 2, 3]),
});
const against = { ...policy, advantages: Float32Array.from([-1, -2, -3]) };

function evaluate(name: string, inputs: TrainingRow, config: Record<string, number> = {}) {
  const { sum, coefficients } = createLoss(name, config).evaluate(inputs, logprobs);
  return { sum, coefficients: [...coefficients] };
}

function expectNumbers(actual: { sum: number; coefficients: number[] }, sum: number, coefficients: number[]) {
  expect(actual.sum).toBeCloseTo(sum, 5);
  expect(actual.coefficients).toHaveLength(coefficients.length);
  for (const [index, coefficient] of coefficients.entries())
    expect(actual.coefficients[index]).toBeCloseTo(coefficient, 5);
}

describe('losses', () => {
  it('cross_entropy weighs each log-probability and sums', () => {
    const inputs = row({ weights: Float32Array.from([1, 0, 0.5]) });
    expectNumbers(evaluate('cross_entropy', inputs), -Math.log(0.2) - 0.5 * Math.log(0.8), [1, 0, 0.5]);
  });

  it('importance_sampling is ratio times advantage', () => {
    expectNumbers(evaluate('importance_sampling', policy), -(0.5 + 2 + 6), [0.5, 2, 6]);
  });

  it('ppo takes the smaller of the free and the clipped gain, and has no gradient where it clips', () => {
    expectNumbers(evaluate('ppo', policy), -(0.5 + 2 + 3.6), [0.5, 2, 0]);
    expectNumbers(evaluate('ppo', against), 0.8 + 2 + 6, [0, -2, -6]);
  });

  it('ppo clips at the bounds it is given', () => {
    const config = { clip_low_threshold: 0.1, clip_high_threshold: 1.5 };
    expectNumbers(evaluate('ppo', policy, config), -(0.5 + 2 + 4.5), [0.5, 2, 0]);
  });

  it('cispo clips the ratio but keeps the gradient of the log-probability', () => {
    const config = { clip_low_threshold: 0.75, clip_high_threshold: 1.5 };
    const sum = -(0.75 * Math.log(0.2) + 2 * Math.log(0.3) + 4.5 * Math.log(0.8));
    expectNumbers(evaluate('cispo', policy, config), sum, [0.75, 2, 4.5]);
    expectNumbers(
      evaluate('cispo', policy),
      -(0.5 * Math.log(0.2) + 2 * Math.log(0.3) + 6 * Math.log(0.8)),
      [0.5, 2, 6],
    );
  });

  it('dro pulls the log-probability back to the given one, by beta', () => {
    const drift = [Math.log(0.5), 0, Math.log(2)];
    const sum = (beta: number) =>
      -(Math.log(0.2) + 2 * Math.log(0.3) + 3 * Math.log(0.8)) +
      0.5 * beta * drift.reduce((total, value) => total + value * value, 0);
    const coefficients = (beta: number) => [1 - beta * Math.log(0.5), 2, 3 - beta * Math.log(2)];
    expectNumbers(evaluate('dro', policy), sum(0.05), coefficients(0.05));
    expectNumbers(evaluate('dro', policy, { beta: 2 }), sum(2), coefficients(2));
  });

  it('gspo clips the ratio of the whole sequence, taken over what the mask marks (TYP-12)', () => {
    // The marked ratios are 0.5 and 2, so their geometric mean is 1; of the last two it is the root of 2.
    const ends = { ...policy, sequence_ratio_mask: Float32Array.of(1, 0, 3) };
    expectNumbers(evaluate('gspo', ends), -(1 + 2 + 3), [1, 2, 3]);
    const tail = { ...policy, sequence_ratio_mask: Float32Array.of(0, 1, 1) };
    expectNumbers(evaluate('gspo', tail), -1.2 * 6, [0, 0, 0]);
    const root = Math.SQRT2;
    const config = { clip_high_threshold: 1.5 };
    expectNumbers(evaluate('gspo', tail, config), -root * 6, [root, 2 * root, 3 * root]);
    const negative = { ...tail, advantages: against.advantages };
    expectNumbers(evaluate('gspo', negative), root * 6, [-root, -2 * root, -3 * root]);
  });

  it.each(['ppo', 'cispo', 'gspo'])(
    '%s takes bounds for each token instead of the same for all (TYP-12)',
    (name) => {
      const inputs = { ...policy, sequence_ratio_mask: Float32Array.of(1, 1, 1) };
      const config = { clip_low_threshold: 0.7, clip_high_threshold: 1.5 };
      const bounds = {
        clip_low_threshold: new Float32Array(3).fill(0.7),
        clip_high_threshold: new Float32Array(3).fill(1.5),
      };
      const { sum, coefficients } = evaluate(name, inputs, config);
      expectNumbers(evaluate(name, { ...inputs, ...bounds }), sum, coefficients);
    },
  );

  it('clips each token by its own bounds', () => {
    const clip_high_threshold = Float32Array.of(1.2, 1.2, 3);
    expectNumbers(evaluate('ppo', { ...policy, clip_high_threshold }), -(0.5 + 2 + 6), [0.5, 2, 6]);
  });

  it.each([
    ['cross_entropy', row({ weights: Float32Array.of(1, 0, -0.5) })],
    ['importance_sampling', policy],
    ['ppo', policy],
    ['ppo', against],
    ['dro', policy],
  ])('%s has for coefficient minus the slope of the loss', (name, inputs) => {
    const loss = createLoss(name, {});
    const { coefficients } = loss.evaluate(inputs, logprobs);
    for (const slot of logprobs.keys()) {
      const at = (distance: number) =>
        loss.evaluate(
          inputs,
          logprobs.map((value, index) => (index === slot ? value + distance : value)),
        ).sum;
      expect(coefficients[slot]).toBeCloseTo((at(-0.01) - at(0.01)) / 0.02, 2);
    }
  });

  it.each([
    [
      'stable_reinforce',
      {},
      /Unknown loss_fn "stable_reinforce".*importance_sampling, ppo, cispo, dro, gspo/,
    ],
    ['toString', {}, /Unknown loss_fn "toString"/],
    [
      'ppo',
      { beta: 1, epsilon: 2 },
      /loss_fn_config of ppo: beta, epsilon .*clip_low_threshold, clip_high_threshold/,
    ],
    ['cross_entropy', { beta: 1 }, /loss_fn_config of cross_entropy: beta \(it takes none\)/],
    ['dro', { beta: Number.NaN }, /finite numbers: beta/],
    ['cispo', { clip_low_threshold: 5 }, /clip_low_threshold 5 is above clip_high_threshold 4/],
  ])('%s with %o is refused by name', (name, config, message) => {
    expect(() => createLoss(name, config)).toThrow(message);
    expect(() => createLoss(name, config)).toThrow(EngineError);
  });
});
