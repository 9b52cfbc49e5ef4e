import { describe, expect, it } from 'vitest';
import {
  adamStep,
  clipToNorm,
  globalNorm,
  zeroMoments,
} from '../../../../src/server/engine/training/adamw.ts';
import { adam } from './fixtures.ts';

describe('AdamW', () => {
  it('moves by the learning rate against the sign of the first gradient', () => {
    const parameters = Float32Array.from([1, 2, 3]);
    adamStep(parameters, Float32Array.from([0.5, -4, 0]), zeroMoments(3), 1, { ...adam, learning_rate: 0.1 });
    for (const [index, expected] of [0.9, 2.1, 3].entries())
      expect(parameters[index]).toBeCloseTo(expected, 5);
  });

  it('follows the published rule over two steps, bias correction included', () => {
    const parameters = Float32Array.from([0]);
    const moments = zeroMoments(1);
    const params = { ...adam, learning_rate: 0.1, eps: 0.5 };
    adamStep(parameters, Float32Array.from([1]), moments, 1, params);
    adamStep(parameters, Float32Array.from([3]), moments, 2, params);
    const first = 0.1 / 0.1 / (Math.sqrt(0.05 / 0.05) + 0.5);
    const mean = (0.9 * 0.1 + 0.1 * 3) / (1 - 0.9 ** 2);
    const square = (0.95 * 0.05 + 0.05 * 9) / (1 - 0.95 ** 2);
    expect(parameters[0]).toBeCloseTo(-0.1 * (first + mean / (Math.sqrt(square) + 0.5)), 6);
  });

  it('decays weights apart from the gradient', () => {
    const parameters = Float32Array.from([2]);
    adamStep(parameters, new Float32Array(1), zeroMoments(1), 1, {
      ...adam,
      learning_rate: 0.1,
      weight_decay: 0.5,
    });
    expect(parameters[0]).toBeCloseTo(2 - 0.1 * 0.5 * 2, 6);
  });

  it('clips all gradients together to the norm it is given, and 0 is no limit', () => {
    const gradients = [Float32Array.from([3, 0]), Float32Array.from([4])];
    expect(globalNorm(gradients)).toBeCloseTo(5, 6);
    clipToNorm(gradients, 5, 0);
    expect(gradients.map((gradient) => [...gradient])).toEqual([[3, 0], [4]]);
    clipToNorm(gradients, 5, 10);
    expect(globalNorm(gradients)).toBeCloseTo(5, 6);
    clipToNorm(gradients, 5, 1);
    expect(globalNorm(gradients)).toBeCloseTo(1, 6);
    expect((gradients[0]?.[0] ?? 0) / (gradients[1]?.[0] ?? 1)).toBeCloseTo(0.75, 6);
  });
});
