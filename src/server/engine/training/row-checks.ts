import { EngineError } from '../engine-error.ts';
import type { TrainingRow } from '../engine.ts';
import type { ModelConfig } from '../model-config.ts';
import type { Loss } from './losses.ts';

/** Refuses rows that the model or the loss cannot take; the message names every input that is missing. */
export function checkRows(rows: readonly TrainingRow[], loss: Loss, config: ModelConfig): void {
  if (rows.length === 0) throw new EngineError('user', 'data is empty: give at least one datum');
  for (const [index, row] of rows.entries()) {
    const refuse = (problem: string): never => {
      throw new EngineError('user', `Datum ${index}: ${problem}`);
    };
    const length = row.tokens.length;
    if (length === 0) refuse('model_input has no tokens');
    if (length > config.contextLength)
      refuse(`model_input has ${length} tokens, and the model's context is ${config.contextLength}`);
    checkTokens(row.tokens, config.vocabularySize, (token) =>
      refuse(`model_input has token ${token}, and the vocabulary is 0 to ${config.vocabularySize - 1}`),
    );
    const missing = loss.inputs.filter((name) => row[name] === undefined);
    if (missing.length > 0) refuse(`loss_fn_inputs of ${loss.name} misses ${missing.join(', ')}`);
    if (!Number.isInteger(row.targetCount) || row.targetCount < 1) refuse('target_tokens has no targets');
    if (row.targetCount > 1 && !loss.severalTargets)
      refuse(`${loss.name} takes one target per position, not ${row.targetCount}`);
    const slots = length * row.targetCount;
    if (row.targets.length !== slots) {
      refuse(
        `target_tokens has ${row.targets.length} entries, expected ${slots} for ${length} tokens of model_input`,
      );
    }
    checkTokens(row.targets, config.vocabularySize, (token) =>
      refuse(`target_tokens has token ${token}, and the vocabulary is 0 to ${config.vocabularySize - 1}`),
    );
    for (const name of [...loss.inputs, ...loss.optionalInputs]) {
      if (row[name] === undefined) continue;
      const size = row[name].length;
      if (size !== slots) refuse(`${name} has ${size} entries, and target_tokens has ${slots}`);
      const wrong = row[name].findIndex((value) => !Number.isFinite(value));
      if (wrong >= 0) refuse(`${name} has a value that is not finite, at entry ${wrong}`);
    }
    if (row.sequence_ratio_mask?.every((mark) => mark === 0) === true)
      refuse('sequence_ratio_mask marks no position, so the sequence has no ratio');
    const crossed = findCrossedBounds(row, loss);
    if (crossed >= 0) refuse(`clip_low_threshold is above clip_high_threshold at entry ${crossed}`);
  }
}

/** The first slot whose own bounds, or one of them and the other of the config, leave no room; or -1. */
function findCrossedBounds(row: TrainingRow, { clip }: Loss): number {
  const { clip_low_threshold: lows, clip_high_threshold: highs } = row;
  if (clip === undefined || (lows === undefined && highs === undefined)) return -1;
  return row.targets.findIndex((_, slot) => (lows?.[slot] ?? clip.low) > (highs?.[slot] ?? clip.high));
}

/** Refuses a row whose loss has left the numbers: by its inputs, or since the weights have. */
export function checkFinite(
  index: number,
  row: TrainingRow,
  logprobs: Float32Array,
  loss: Loss,
  { sum, coefficients }: { sum: number; coefficients: Float32Array },
): void {
  const slot = coefficients.findIndex((coefficient) => !Number.isFinite(coefficient));
  if (Number.isFinite(sum) && slot < 0) return;
  if (!logprobs.every(Number.isFinite)) {
    throw new EngineError(
      'user',
      `Datum ${index}: the model's log-probabilities are not finite. Its weights have grown too large, ` +
        'for example by a learning rate that is too high: go on from a saved state',
    );
  }
  const place = slot < 0 ? '' : ` at entry ${slot}: the model's log-probability is ${logprobs[slot]}`;
  const given = row.logprobs === undefined || slot < 0 ? '' : `, and logprobs has ${row.logprobs[slot]}`;
  throw new EngineError('user', `Datum ${index}: ${loss.name} is not finite${place}${given}`);
}

/** Calls `refuse` with the first token outside the vocabulary. */
export function checkTokens(
  tokens: Int32Array,
  vocabularySize: number,
  refuse: (token: number) => void,
): void {
  const wrong = tokens.find((token) => token < 0 || token >= vocabularySize);
  if (wrong !== undefined) refuse(wrong);
}
