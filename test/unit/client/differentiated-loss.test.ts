import { init, numpy as np, valueAndGrad } from '@jax-js/jax';
import { describe, expect, it } from 'vitest';
import { differentiatedLoss, type Autodiff } from '../../../src/client/training/differentiated-loss.ts';

await init('wasm');

const jax: Autodiff<np.Array> = {
  toTensor: (values, shape) => np.array(values, { shape: [...shape] }),
  valueAndGradients: (f, at) => valueAndGrad(f)(at),
  toValues: (tensor) => tensor.data(),
};

const input = {
  data: [],
  logprobs: [Float32Array.of(-1, -2, -3), Float32Array.of(-0.5, -1, -1.5, -2)],
  shapes: [[3], [2, 2]],
  signal: new AbortController().signal,
};

describe('differentiatedLoss (TRN-3)', () => {
  it('gives the gradient that the library finds, by every log-probability in its shape', async () => {
    const shapes: number[][] = [];
    const loss = differentiatedLoss(jax, ({ logprobs }) => {
      shapes.push(...logprobs.map(({ shape }) => shape));
      return logprobs.map((row) => np.sum(np.square(row))).reduce((sum, value) => sum.add(value));
    });
    const { loss: value, gradients } = await loss(input);
    expect(value).toBeCloseTo(14 + 7.5);
    expect(gradients.map((gradient) => Array.from(gradient))).toEqual([
      [-2, -4, -6],
      [-1, -2, -3, -4],
    ]);
    expect(shapes).toEqual([[3], [2, 2]]);
  });

  it('refuses a loss that is more than one number', async () => {
    const plain: Autodiff<number[]> = {
      toTensor: (values) => [...values],
      valueAndGradients: (f, at) => [f(at), at],
      toValues: (tensor) => tensor,
    };
    const loss = differentiatedLoss(plain, ({ logprobs }) => [...(logprobs[0] ?? [])]);
    await expect(loss(input)).rejects.toThrow('the loss must be one number, and is 3');
  });
});
