import type { ModelConfig } from '../model-config.ts';

/** What is added to the score of a key that a query must not see: its exponential is exactly zero. */
export const hiddenScore = -1e9;

/** Cosines and sines of the rotary embedding for every position of the context. */
export class RotaryTable {
  readonly #half: number;
  readonly #cosine: Float32Array;
  readonly #sine: Float32Array;

  constructor({ contextLength, headSize, ropeTheta }: ModelConfig) {
    const half = headSize / 2;
    this.#half = half;
    this.#cosine = new Float32Array(contextLength * half);
    this.#sine = new Float32Array(contextLength * half);
    for (let position = 0; position < contextLength; position++) {
      for (let pair = 0; pair < half; pair++) {
        const angle = position * ropeTheta ** (-pair / half);
        this.#cosine[position * half + pair] = Math.cos(angle);
        this.#sine[position * half + pair] = Math.sin(angle);
      }
    }
  }

  /** For each position both halves of a head, `[positions, 2, half]`: the cosine twice, minus the sine and the sine. */
  of(positions: Int32Array): { cosine: Float32Array<ArrayBuffer>; signedSine: Float32Array<ArrayBuffer> } {
    const half = this.#half;
    const cosine = new Float32Array(positions.length * 2 * half);
    const signedSine = new Float32Array(positions.length * 2 * half);
    for (const [index, position] of positions.entries()) {
      for (let pair = 0; pair < half; pair++) {
        const cosineValue = this.#cosine[position * half + pair] ?? 0;
        const sineValue = this.#sine[position * half + pair] ?? 0;
        const place = index * 2 * half + pair;
        cosine[place] = cosineValue;
        cosine[place + half] = cosineValue;
        signedSine[place] = -sineValue;
        signedSine[place + half] = sineValue;
      }
    }
    return { cosine, signedSine };
  }
}

/** `[T, T]`: a query sees the keys of its own segment up to itself. */
export function causalMask(segments: Int32Array): Float32Array<ArrayBuffer> {
  const length = segments.length;
  const mask = new Float32Array(length * length).fill(hiddenScore);
  let start = 0;
  for (let query = 0; query < length; query++) {
    if (segments[query] !== segments[start]) start = query;
    mask.fill(0, query * length + start, query * length + query + 1);
  }
  return mask;
}
