import { checkOptionNames } from '../../core/config.ts';
import { checkBytes } from '../../core/base64.ts';
import { InvalidArgumentError } from '../../core/errors.ts';
import { findNoTokenId, toBigIntArray, toTokenArray } from '../../core/tensors.ts';
import type { Datum } from '../../types/datum.ts';
import type { LossFn, LossFnConfig } from '../../types/loss.ts';
import type { ModelInput, ModelInputChunk } from '../../types/model-input.ts';
import type { TensorInput } from '../../types/tensor.ts';
import type { ForwardBackwardInput } from '../../types/training.ts';
import { checkLoss } from './check-loss.ts';
import { checkSpans } from './check-spans.ts';
import { checkTensor, shapeOf, toSmallest } from './check-tensor.ts';
import { toForwardDatum } from './custom-loss.ts';
import { inputDtypes, lossShapes } from './loss-inputs.ts';

/** What `encodeForwardBackward` takes: every number in its typed array, every option defined. */
export interface CheckedInput {
  data: readonly Datum[];
  loss_fn: LossFn;
  loss_fn_config?: LossFnConfig | undefined;
}

/**
 * The same input with every number in its typed array, so that nothing can fail any more when it is sent. Throws
 * InvalidArgumentError that names the datum, the field and what was expected.
 */
export function checkForwardBackward(input: ForwardBackwardInput): CheckedInput {
  checkOptionNames('forwardBackward', input, ['data', 'loss_fn', 'loss_fn_config']);
  const { data, loss_fn, loss_fn_config } = input;
  checkDataCount(data);
  const config = checkLoss(loss_fn, loss_fn_config);
  return {
    data: data.map((datum, index) => checkDatum(datum, loss_fn, `data[${index}]`)),
    loss_fn,
    loss_fn_config: config,
  };
}

/** The datums of the forward pass of a custom loss, checked in the same way; what only the loss reads is its own affair. */
export function checkCustom(data: readonly Datum[]): readonly Datum[] {
  checkDataCount(data);
  return data.map((datum, index) => checkDatum(toForwardDatum(datum), 'cross_entropy', `data[${index}]`));
}

function checkDataCount(data: readonly Datum[]): void {
  if (!Array.isArray(data)) throw new InvalidArgumentError('data must be an array of datums');
  if (data.length === 0)
    throw new InvalidArgumentError('No data provided: data must have at least one datum');
}

function checkDatum(datum: Datum, loss: LossFn, what: string): Datum {
  checkOptionNames(what, datum, datumFields);
  const model_input = checkModelInput(datum.model_input, `${what}.model_input`);
  const loss_fn_inputs = Object.fromEntries(
    Object.entries(datum.loss_fn_inputs).map(([name, tensor]) => [
      name,
      checkInput(name, tensor, `${what}.loss_fn_inputs`),
    ]),
  );
  const { inputs } = lossShapes[loss];
  const missing = ['target_tokens', ...inputs].filter((name) => loss_fn_inputs[name] === undefined);
  if (missing.length > 0) {
    throw new InvalidArgumentError(
      `${what}.loss_fn_inputs lacks ${missing.join(', ')}, which the loss ${loss} needs`,
    );
  }
  checkTargets(loss_fn_inputs['target_tokens'], model_input, `${what}.loss_fn_inputs.target_tokens`);
  checkShapes(loss_fn_inputs, inputs, `${what}.loss_fn_inputs`);
  return { model_input, loss_fn_inputs, ...checkSpans({ ...datum, model_input, loss_fn_inputs }, what) };
}

const datumFields = ['model_input', 'loss_fn_inputs', 'model_input_spans', 'loss_fn_input_spans'];

function checkInput(name: string, tensor: TensorInput, inputs: string): TensorInput {
  const what = `${inputs}.${name}`;
  const dtype = Object.hasOwn(inputDtypes, name) ? inputDtypes[name] : undefined;
  const checked = checkTensor(tensor, what);
  if (dtype !== undefined && checked.dtype !== dtype) {
    throw new InvalidArgumentError(`${what}.dtype must be ${dtype}, and is ${checked.dtype}`);
  }
  return name === 'target_tokens' || name === 'weights' ? toSmallest(checked) : checked;
}

/** What a loss reads has one value for each target. */
function checkShapes(
  inputs: Readonly<Record<string, TensorInput>>,
  names: readonly string[],
  what: string,
): void {
  const { target_tokens } = inputs;
  if (target_tokens === undefined) return;
  const shape = shapeOf(target_tokens);
  for (const name of names) {
    const tensor = inputs[name];
    if (tensor === undefined || String(shapeOf(tensor)) === String(shape)) continue;
    throw new InvalidArgumentError(
      `${what}.${name} must have the shape of target_tokens, [${shape.join(', ')}], and has [${shapeOf(tensor).join(', ')}]`,
    );
  }
}

function checkModelInput(input: ModelInput, what: string): ModelInput {
  if (!Array.isArray(input?.chunks) || input.chunks.length === 0) {
    throw new InvalidArgumentError(`${what} must have at least one chunk: modelInput(tokens) makes one`);
  }
  return {
    chunks: input.chunks.map((chunk: ModelInputChunk, index) =>
      checkChunk(chunk, `${what}.chunks[${index}]`),
    ),
  };
}

function checkChunk(chunk: ModelInputChunk, what: string): ModelInputChunk {
  switch (chunk.type) {
    case 'encoded_text':
      return { ...chunk, tokens: toTokenArray(chunk.tokens, `${what}.tokens`) };
    case 'image':
      checkBytes(chunk.data, `${what}.data`);
      return chunk;
    case 'dmel':
      checkBytes(chunk.dmel, `${what}.dmel`);
      return chunk;
    case 'image_asset_pointer':
      throw new InvalidArgumentError(
        `${what} is an image_asset_pointer, which training cannot send: give the image itself`,
      );
    default:
      throw new InvalidArgumentError(
        `${what}.type must be encoded_text, image or dmel, and is ${JSON.stringify((chunk as ModelInputChunk).type)}`,
      );
  }
}

/** Each position of a text has its target, or K of them; what has images is counted by the server. */
function checkTargets(targets: TensorInput | undefined, { chunks }: ModelInput, what: string): void {
  if (targets === undefined) return;
  const values = toBigIntArray(targets.data, what);
  const index = findNoTokenId(values);
  if (index >= 0)
    throw new InvalidArgumentError(`${what}[${index}] must be a token id, and is ${String(values[index])}`);
  let length = 0;
  for (const chunk of chunks) {
    if (chunk.type !== 'encoded_text') return;
    length += chunk.tokens.length;
  }
  const [rows = 0] = shapeOf(targets);
  if (rows !== length) {
    throw new InvalidArgumentError(
      `${what} must have a target for each of the ${length} tokens of model_input, and has ${rows}`,
    );
  }
}
