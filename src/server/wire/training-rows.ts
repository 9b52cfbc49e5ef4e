import type { BaseModel, TrainingRow } from '../engine/engine.ts';
import { HttpError } from '../errors.ts';
import { findLossRules } from '../losses.ts';
import { checkSpans } from './provenance-spans.ts';
import type { RequestTensor } from './tensor.ts';
import type { RequestDatum, TrainingRequest } from './training-request.ts';

/** What a request asks of the engine, with the shape that each datum's result is to have. */
export interface TrainingRows {
  rows: TrainingRow[];
  targetShapes: number[][];
}

/** Checks every number against the model and the loss; the first that is wrong is named by datum and field. */
export function toTrainingRows(request: TrainingRequest, model: BaseModel): TrainingRows {
  if (request.data.length === 0) throw new HttpError(422, 'data is empty: give at least one datum');
  const checked = request.data.map((datum, index) =>
    toTrainingRow(datum, `data[${index}]`, request.loss, model),
  );
  return { rows: checked.map(({ row }) => row), targetShapes: checked.map(({ targetShape }) => targetShape) };
}

function toTrainingRow(
  datum: RequestDatum,
  where: string,
  loss: string,
  model: BaseModel,
): { row: TrainingRow; targetShape: number[] } {
  const rules = findLossRules(loss);
  const { tokens, inputs } = datum;
  checkTokens(tokens, `${where}.model_input`, model);
  const targetTensor = inputs.get('target_tokens');
  if (targetTensor === undefined) throw new HttpError(422, `${where}.loss_fn_inputs needs target_tokens`);
  const targetShape = checkTargetShape(targetTensor, tokens.length, `${where}.loss_fn_inputs.target_tokens`);
  if (datum.spans !== undefined) checkSpans(datum.spans, tokens.length, targetShape, where);
  const targetCount = targetShape[1] ?? 1;
  if (targetCount !== 1 && !rules.severalTargets) {
    throw new HttpError(
      422,
      `${where}.loss_fn_inputs.target_tokens: the loss ${loss} takes one target per position`,
    );
  }
  const row: TrainingRow = {
    tokens,
    targets: toTargets(targetTensor, `${where}.loss_fn_inputs.target_tokens`, model),
    targetCount,
  };
  const missing = rules.inputs.find((name) => !inputs.has(name));
  if (missing !== undefined) {
    throw new HttpError(422, `${where}.loss_fn_inputs: the loss ${loss} needs ${missing}`);
  }
  for (const name of [...rules.inputs, ...rules.optionalInputs]) {
    const tensor = inputs.get(name);
    if (tensor === undefined) continue;
    row[name] = toFloats(tensor, targetShape, `${where}.loss_fn_inputs.${name}`);
  }
  const known: readonly string[] = ['target_tokens', ...rules.inputs, ...rules.optionalInputs];
  const unknown = [...inputs.keys()].find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new HttpError(
      422,
      `${where}.loss_fn_inputs.${unknown}: the loss ${loss} does not read it; it reads ${known.join(', ')}`,
    );
  }
  return { row, targetShape };
}

/** Token ids within the vocabulary, and no more of them than the model can read. */
export function checkTokens(tokens: Int32Array, where: string, model: BaseModel): void {
  if (tokens.length === 0) throw new HttpError(422, `${where} has no tokens`);
  if (tokens.length > model.maxContextLength) {
    throw new HttpError(
      422,
      `${where} has ${tokens.length} tokens; ${model.name} reads at most ${model.maxContextLength}`,
    );
  }
  const outside = tokens.findIndex((token) => token < 0 || token >= model.vocabularySize);
  if (outside >= 0)
    throw outsideVocabulary(`${where}: token ${tokens[outside]} at position ${outside}`, model);
}

function checkTargetShape({ dtype, shape }: RequestTensor, tokenCount: number, where: string): number[] {
  if (dtype !== 'int64') throw new HttpError(422, `${where} must be int64`);
  if (shape.length > 2) throw new HttpError(422, `${where} must have one or two dimensions`);
  if (shape[0] !== tokenCount || shape[1] === 0) {
    throw new HttpError(
      422,
      `${where} has shape [${shape.join(', ')}], but model_input has ${tokenCount} tokens`,
    );
  }
  return shape;
}

function toTargets({ values }: RequestTensor, where: string, model: BaseModel): Int32Array {
  const targets = new Int32Array(values.length);
  for (let index = 0; index < values.length; index += 1) {
    const token = values[index] ?? -1;
    if (!(Number.isInteger(token) && token >= 0 && token < model.vocabularySize)) {
      throw outsideVocabulary(`${where}: token ${token} at position ${index}`, model);
    }
    targets[index] = token;
  }
  return targets;
}

function toFloats(
  { values, shape }: RequestTensor,
  targetShape: readonly number[],
  where: string,
): Float32Array {
  if (shape.length !== targetShape.length || shape.some((size, axis) => size !== targetShape[axis])) {
    throw new HttpError(
      422,
      `${where} has shape [${shape.join(', ')}], but target_tokens has [${targetShape.join(', ')}]`,
    );
  }
  const floats = values instanceof Float32Array ? values : Float32Array.from(values);
  const bad = floats.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0)
    throw new HttpError(422, `${where} has ${floats[bad]} at position ${bad}; it must be a finite number`);
  return floats;
}

function outsideVocabulary(what: string, model: BaseModel): HttpError {
  return new HttpError(
    422,
    `${what} is outside the vocabulary of ${model.name}, which has ${model.vocabularySize} tokens`,
  );
}
