/** A text within a padded row, and the tokens that its positions are scored against. */
export interface ScoredText {
  /** `[T, vocabularySize]` of the whole row. */
  logits: Float32Array;
  vocabularySize: number;
  /** The text's first position within the row. */
  begin: number;
  /** Row-major `[positions, targetCount]`. */
  targets: Int32Array;
  targetCount: number;
}

export interface TokenScores {
  /** Log-probability of each target. */
  logprobs: Float32Array;
  /** Of each position: the logarithm of the sum of the exponentials of its logits. */
  normalizers: Float64Array;
}

export function scoreTargets({
  logits,
  vocabularySize,
  begin,
  targets,
  targetCount,
}: ScoredText): TokenScores {
  const length = targets.length / targetCount;
  const normalizers = new Float64Array(length);
  const logprobs = new Float32Array(targets.length);
  for (let position = 0; position < length; position++) {
    const offset = (begin + position) * vocabularySize;
    const normalizer = logSumExp(logits.subarray(offset, offset + vocabularySize));
    normalizers[position] = normalizer;
    for (let slot = position * targetCount; slot < (position + 1) * targetCount; slot++) {
      logprobs[slot] = (logits[offset + (targets[slot] ?? 0)] ?? 0) - normalizer;
    }
  }
  return { logprobs, normalizers };
}

/**
 * Writes the gradient of the loss into that of the row's logits. `coefficients` say how much of each target's
 * log-probability the loss takes away: the loss falls by coefficient times the rise of the log-probability.
 */
export function writeLogitsGradient(
  gradient: Float32Array,
  { logits, vocabularySize, begin, targets, targetCount }: ScoredText,
  { normalizers }: TokenScores,
  coefficients: Float32Array,
): void {
  for (const [position, normalizer] of normalizers.entries()) {
    const offset = (begin + position) * vocabularySize;
    let total = 0;
    for (let slot = position * targetCount; slot < (position + 1) * targetCount; slot++) {
      const coefficient = coefficients[slot] ?? 0;
      const place = offset + (targets[slot] ?? 0);
      gradient[place] = (gradient[place] ?? 0) - coefficient;
      total += coefficient;
    }
    if (total === 0) continue;
    for (let place = offset; place < offset + vocabularySize; place++) {
      gradient[place] = (gradient[place] ?? 0) + total * Math.exp((logits[place] ?? 0) - normalizer);
    }
  }
}

export function logSumExp(logits: Float32Array): number {
  let highest = -Infinity;
  for (const logit of logits) if (logit > highest) highest = logit;
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - highest);
  return highest + Math.log(sum);
}
