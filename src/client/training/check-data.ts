import { checkOptionNames } from '../../core/config.ts';
import { InvalidArgumentError } from '../../core/errors.ts';
import { findNoTokenId, toBigIntArray, toFloatArray, toTokenArray } from '../../core/tensors.ts';
import type { Datum } from '../../types/datum.ts';
import { lossFns, type LossFn, type LossFnConfig } from '../../types/loss.ts';
import type { ModelInput, ModelInputChunk } from '../../types/model-input.ts';
import type { TensorInput } from '../../types/tensor.ts';
import type { ForwardBackwardCustomInput, ForwardBackwardInput } from '../../types/training.ts';
import { toForwardDatum } from './custom-loss.ts';
import { lossShapes } from './loss-inputs.ts';

/**
 * The same input with every number in its typed array, so that nothing can fail any more when it is sent. Throws
 * InvalidArgumentError that names the datum, the field and what was expected.
 */
export function checkForwardBackward(input: ForwardBackwardInput): ForwardBackwardInput {
  checkOptionNames('forwardBackward', input, ['data', 'loss_fn', 'loss_fn_config']);
  const { data, loss_fn, loss_fn_config } = input;
  checkDataCount(data);
  if (!lossFns.includes(loss_fn)) {
    throw new InvalidArgumentError(
      `loss_fn must be one of ${lossFns.join(', ')}, and is ${JSON.stringify(loss_fn)}`,
    );
  }
  checkLossConfig(loss_fn, loss_fn_config ?? {});
  return {
    data: data.map((datum, index) => checkDatum(datum, loss_fn, `data[${index}]`)),
    loss_fn,
    loss_fn_config,
  };
}

/** The datums of the forward pass of a custom loss, checked in the same way; what only the loss reads is its own affair. */
export function checkCustom(input: ForwardBackwardCustomInput): readonly Datum[] {
  checkOptionNames('forwardBackwardCustom', input, ['data', 'loss']);
  const { data, loss } = input;
  if (typeof loss !== 'function') {
    throw new InvalidArgumentError('loss must be a function that gives { loss, gradients }');
  }
  checkDataCount(data);
  return data.map((datum, index) => checkDatum(toForwardDatum(datum), 'cross_entropy', `data[${index}]`));
}

function checkDataCount(data: readonly Datum[]): void {
  if (!Array.isArray(data)) throw new InvalidArgumentError('data must be an array of datums');
  if (data.length === 0)
    throw new InvalidArgumentError('No data provided: data must have at least one datum');
}

function checkLossConfig(loss: LossFn, config: LossFnConfig): void {
  const { configKeys } = lossShapes[loss];
  for (const [name, value] of Object.entries(config)) {
    if (configKeys !== undefined && !configKeys.includes(name)) {
      const known = configKeys.length === 0 ? 'it takes none' : `it takes ${configKeys.join(', ')}`;
      throw new InvalidArgumentError(`loss_fn_config.${name}: the loss ${loss} has no such key; ${known}`);
    }
    if (typeof value !== 'string' && !Number.isFinite(value)) {
      throw new InvalidArgumentError(
        `loss_fn_config.${name} must be a finite number or a text, and is ${String(value)}`,
      );
    }
  }
}

function checkDatum(datum: Datum, loss: LossFn, what: string): Datum {
  checkOptionNames(what, datum, ['model_input', 'loss_fn_inputs']);
  const model_input = checkModelInput(datum.model_input, `${what}.model_input`);
  const loss_fn_inputs = Object.fromEntries(
    Object.entries(datum.loss_fn_inputs).map(([name, tensor]) => [
      name,
      checkTensor(tensor, `${what}.loss_fn_inputs.${name}`),
    ]),
  );
  const missing = ['target_tokens', ...lossShapes[loss].inputs].filter(
    (name) => loss_fn_inputs[name] === undefined,
  );
  if (missing.length > 0) {
    throw new InvalidArgumentError(
      `${what}.loss_fn_inputs lacks ${missing.join(', ')}, which the loss ${loss} needs`,
    );
  }
  checkTargets(loss_fn_inputs['target_tokens'], model_input, `${what}.loss_fn_inputs.target_tokens`);
  return { model_input, loss_fn_inputs };
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
  if (chunk.type === 'image_asset_pointer') {
    throw new InvalidArgumentError(
      `${what} is an image_asset_pointer, which training cannot send: give the image itself`,
    );
  }
  return chunk.type === 'encoded_text'
    ? { ...chunk, tokens: toTokenArray(chunk.tokens, `${what}.tokens`) }
    : chunk;
}

/** Each position of a text has its target, or K of them; what has images is counted by the server. */
function checkTargets(targets: TensorInput | undefined, { chunks }: ModelInput, what: string): void {
  if (targets === undefined || targets.sparse_crow_indices !== undefined) return;
  const values = toBigIntArray(targets.data, what);
  const index = findNoTokenId(values);
  if (index >= 0)
    throw new InvalidArgumentError(`${what}[${index}] must be a token id, and is ${String(values[index])}`);
  let length = 0;
  for (const chunk of chunks) {
    if (chunk.type !== 'encoded_text') return;
    length += chunk.tokens.length;
  }
  const rows = targets.shape?.[0] ?? values.length;
  if (rows !== length) {
    throw new InvalidArgumentError(
      `${what} must have a target for each of the ${length} tokens of model_input, and has ${rows}`,
    );
  }
}

function checkTensor(tensor: TensorInput, what: string): TensorInput {
  const { dtype, data, shape, sparse_crow_indices, sparse_col_indices } = tensor;
  if (dtype !== 'float32' && dtype !== 'int64') {
    throw new InvalidArgumentError(`${what}.dtype must be float32 or int64, and is ${JSON.stringify(dtype)}`);
  }
  const values = dtype === 'float32' ? toFloatArray(data, what) : toBigIntArray(data, what);
  if (sparse_crow_indices !== undefined || sparse_col_indices !== undefined) {
    if (sparse_crow_indices === undefined || sparse_col_indices === undefined || shape?.length !== 2) {
      throw new InvalidArgumentError(
        `${what} is sparse: it needs a shape of two dimensions and both index arrays`,
      );
    }
    return {
      dtype,
      data: values,
      shape,
      sparse_crow_indices: toBigIntArray(sparse_crow_indices, `${what}.sparse_crow_indices`),
      sparse_col_indices: toBigIntArray(sparse_col_indices, `${what}.sparse_col_indices`),
    };
  }
  const size = shape?.reduce((product, length) => product * length, 1);
  if (size !== undefined && size !== values.length) {
    throw new InvalidArgumentError(
      `${what} has ${values.length} values, but its shape [${shape?.join(', ')}] holds ${size}`,
    );
  }
  return { dtype, data: values, shape };
}
