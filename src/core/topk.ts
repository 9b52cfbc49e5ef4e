import { noLogprob, type TopkLogprobs } from '../types/sampling.ts';

/** Token id and log-probability. */
export type TopkPair = [token_id: number, logprob: number];

/** The tokens of one place, likeliest first; null where nothing is defined, as for the first token of a prompt. */
export function topkRow(
  { token_ids, logprobs, k, length }: TopkLogprobs,
  position: number,
): TopkPair[] | null {
  if (position < 0 || position >= length) return null;
  const row: TopkPair[] = [];
  let filled = 0;
  for (let place = position * k; place < (position + 1) * k; place++) {
    const pair: TopkPair = [token_ids[place] ?? 0, logprobs[place] ?? noLogprob];
    row.push(pair);
    if (pair[0] !== 0 || pair[1] !== noLogprob) filled = row.length;
  }
  return filled === 0 ? null : row.slice(0, filled);
}

/** Rows of pairs as one table; the widest row says how wide it is. Undefined when no row has any. */
export function toTopk(
  rows: readonly (readonly (readonly [number, number])[] | null)[],
): TopkLogprobs | undefined {
  const k = rows.reduce((most, row) => Math.max(most, row?.length ?? 0), 0);
  if (k === 0) return undefined;
  const token_ids = new Int32Array(rows.length * k);
  const logprobs = new Float32Array(rows.length * k).fill(noLogprob);
  for (const [position, row] of rows.entries()) {
    for (const [rank, [token, logprob]] of (row ?? []).entries()) {
      token_ids[position * k + rank] = token;
      logprobs[position * k + rank] = logprob;
    }
  }
  return { token_ids, logprobs, k, length: rows.length };
}
