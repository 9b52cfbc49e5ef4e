import { noLogprob } from '../../../types/sampling.ts';
import type { TopkTable } from '../engine.ts';
import { logSumExp } from '../training/token-scores.ts';

/** Rows of likeliest tokens, one added for each place. */
export class TopkRows {
  readonly #k: number;
  readonly #tokenIds: number[] = [];
  readonly #logprobs: number[] = [];

  constructor(k: number) {
    this.#k = k;
  }

  /** The row of a place from the logits of its token; equally likely tokens rank by id. */
  add(logits: Float32Array): void {
    const normalizer = logSumExp(logits);
    const best = likeliest(logits, this.#k);
    for (const token of best) {
      this.#tokenIds.push(token);
      this.#logprobs.push((logits[token] ?? 0) - normalizer);
    }
    this.#pad(this.#k - best.length);
  }

  /** The row of a place that has no distribution. */
  addUndefined(): void {
    this.#pad(this.#k);
  }

  table(): TopkTable {
    return {
      tokenIds: Int32Array.from(this.#tokenIds),
      logprobs: Float32Array.from(this.#logprobs),
      k: this.#k,
      length: this.#tokenIds.length / this.#k,
    };
  }

  #pad(count: number): void {
    for (let index = 0; index < count; index++) {
      this.#tokenIds.push(0);
      this.#logprobs.push(noLogprob);
    }
  }
}

/** Ids of the `count` highest logits, best first. */
function likeliest(logits: Float32Array, count: number): number[] {
  const best: number[] = [];
  for (let token = 0; token < logits.length; token++) {
    const logit = logits[token] ?? 0;
    if (best.length === count && logit <= (logits[best[count - 1] ?? 0] ?? 0)) continue;
    let rank = best.length;
    while (rank > 0 && logit > (logits[best[rank - 1] ?? 0] ?? 0)) rank--;
    best.splice(rank, 0, token);
    if (best.length > count) best.pop();
  }
  return best;
}
