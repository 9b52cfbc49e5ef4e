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
    for (const name of loss.inputs) {
      const size = row[name]?.length ?? 0;
      if (size !== slots) refuse(`${name} has ${size} entries, and target_tokens has ${slots}`);
      const wrong = row[name]?.findIndex((value) => !Number.isFinite(value)) ?? -1;
      if (wrong >= 0) refuse(`${name} has a value that is not finite, at entry ${wrong}`);
    }
  }
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
