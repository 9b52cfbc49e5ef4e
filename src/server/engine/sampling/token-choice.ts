/** How a token is drawn from the model's distribution. */
export interface ChoiceSettings {
  /** 0: always the likeliest token. */
  temperature: number;
  /** Only that many of the likeliest tokens; -1: no limit. */
  topK: number;
  /** Only the likeliest tokens that reach this probability together; 1: no limit. */
  topP: number;
}

/**
 * Draws a token. `uniform` in [0, 1) decides, so that equal draws from equal logits give equal tokens. Equally likely
 * tokens rank by id.
 */
export function chooseToken(
  logits: Float32Array,
  { temperature, topK, topP }: ChoiceSettings,
  uniform: number,
): number {
  const likeliest = argmax(logits);
  if (temperature === 0 || topK === 1) return likeliest;
  const highest = logits[likeliest] ?? 0;
  const weights = new Float64Array(logits.length);
  for (let token = 0; token < logits.length; token++) {
    weights[token] = Math.exp(((logits[token] ?? 0) - highest) / temperature);
  }
  const limited = (topK >= 1 && topK < weights.length) || topP < 1;
  if (!limited) return draw(weights, uniform * sum(weights));
  const ranked = Array.from(weights.keys()).sort((a, b) => (weights[b] ?? 0) - (weights[a] ?? 0) || a - b);
  const kept = topK >= 1 ? ranked.slice(0, topK) : ranked;
  const nucleus = topP < 1 ? reach(kept, weights, topP) : kept;
  const candidates = Float64Array.from(nucleus, (token) => weights[token] ?? 0);
  return nucleus[draw(candidates, uniform * sum(candidates))] ?? likeliest;
}

/** The first tokens of `ranked` whose share of its weight reaches `share`. */
function reach(ranked: number[], weights: Float64Array, share: number): number[] {
  const goal = share * ranked.reduce((total, token) => total + (weights[token] ?? 0), 0);
  let total = 0;
  const count = ranked.findIndex((token) => (total += weights[token] ?? 0) >= goal) + 1;
  return count === 0 ? ranked : ranked.slice(0, count);
}

/** The place at which the running sum of the weights passes `goal`; never one of weight zero. */
function draw(weights: Float64Array, goal: number): number {
  let total = 0;
  let last = 0;
  for (let place = 0; place < weights.length; place++) {
    const weight = weights[place] ?? 0;
    if (weight === 0) continue;
    total += weight;
    last = place;
    if (total > goal) break;
  }
  return last;
}

function argmax(logits: Float32Array): number {
  let best = 0;
  for (let token = 1; token < logits.length; token++)
    if ((logits[token] ?? 0) > (logits[best] ?? 0)) best = token;
  return best;
}

function sum(values: Float64Array): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
