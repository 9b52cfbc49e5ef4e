import type { AdamParams } from '../../../types/training.ts';

/** Running means of the gradient and of its square, for one array of parameters. */
export interface Moments {
  first: Float32Array;
  second: Float32Array;
}

export function zeroMoments(size: number): Moments {
  return { first: new Float32Array(size), second: new Float32Array(size) };
}

/** `step` counts from 1. The decay of weights is decoupled: it does not pass through the moments. */
export function adamStep(
  parameters: Float32Array,
  gradient: Float32Array,
  moments: Moments,
  step: number,
  params: AdamParams,
): void {
  const { learning_rate: rate, beta1, beta2, eps, weight_decay: decay } = params;
  const firstCorrection = 1 - beta1 ** step;
  const secondCorrection = 1 - beta2 ** step;
  const { first, second } = moments;
  for (let index = 0; index < parameters.length; index++) {
    const slope = gradient[index] ?? 0;
    const mean = beta1 * (first[index] ?? 0) + (1 - beta1) * slope;
    const square = beta2 * (second[index] ?? 0) + (1 - beta2) * slope * slope;
    first[index] = mean;
    second[index] = square;
    const update = mean / firstCorrection / (Math.sqrt(square / secondCorrection) + eps);
    const parameter = parameters[index] ?? 0;
    parameters[index] = parameter - rate * (update + decay * parameter);
  }
}

/** The Euclidean norm over all gradients together. */
export function globalNorm(gradients: Iterable<Float32Array>): number {
  let sum = 0;
  for (const gradient of gradients) for (const slope of gradient) sum += slope * slope;
  return Math.sqrt(sum);
}

/** Scales gradients in place so that a norm above `limit` becomes `limit`; 0 is no limit. */
export function clipToNorm(gradients: readonly Float32Array[], norm: number, limit: number): void {
  if (limit <= 0 || norm <= limit) return;
  const scale = limit / norm;
  for (const gradient of gradients) {
    for (let index = 0; index < gradient.length; index++) gradient[index] = (gradient[index] ?? 0) * scale;
  }
}
