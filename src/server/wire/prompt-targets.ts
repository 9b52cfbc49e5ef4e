import type { z } from 'zod';
import type { sampleRequestSchema } from '../../types/sampling.ts';
import type { BaseModel, SampleTask } from '../engine/engine.ts';
import { HttpError } from '../errors.ts';
import { toFloat64s } from './json-numbers.ts';
import { scatterSparse, toDenseShape } from './tensor.ts';

type Tensor = NonNullable<z.output<typeof sampleRequestSchema>['target_prompt_logprobs']>;

/** How the tensor of a request was laid out; its answer is laid out the same. */
export interface TargetLayout {
  shape: number[];
  rows?: { crow: BigInt64Array; col: BigInt64Array } | undefined;
}

export interface PromptTargets {
  targets: NonNullable<SampleTask['promptTargets']>;
  layout: TargetLayout;
}

const name = 'target_prompt_logprobs';
/** Most tokens that one request may have scored. */
const maxTargets = 2 ** 20;

/** Reads the tokens to score in a prompt: int64 `[prompt tokens - 1, K]`, dense or in compressed rows (wire-protocol 2.18). */
export function readPromptTargets(tensor: Tensor, promptLength: number, model: BaseModel): PromptTargets {
  if (tensor.dtype !== 'int64')
    throw new HttpError(422, `${name} must be of dtype int64, not ${tensor.dtype}`);
  const values = toFloat64s(tensor.data, `${name}.data`);
  if (values.length > maxTargets) throw new HttpError(422, `${name} names more than ${maxTargets} tokens`);
  const layout = readLayout(tensor, values);
  const [rowCount, columnCount = 0] = layout.shape;
  if (layout.shape.length !== 2 || rowCount !== promptLength - 1) {
    throw new HttpError(
      422,
      `${name} must have the shape [prompt tokens - 1, K], which is [${promptLength - 1}, K], not [${layout.shape.join(', ')}]`,
    );
  }
  const outside = values.find((id) => !Number.isInteger(id) || id < -1 || id >= model.vocabularySize);
  if (outside !== undefined)
    throw new HttpError(422, `${name}: token ${outside} is outside the vocabulary of ${model.name}`);
  if (!values.some((id) => id >= 0)) throw new HttpError(422, `${name} must name at least one token`);
  const positions =
    layout.rows === undefined ? denseRows(values.length, columnCount) : sparseRows(layout.rows);
  return { targets: { positions, ids: Int32Array.from(values) }, layout };
}

function readLayout(tensor: Tensor, values: Float64Array): TargetLayout {
  const { sparse_crow_indices: crow, sparse_col_indices: col } = tensor;
  const shape = tensor.shape ?? undefined;
  if (crow == null || col == null) return { shape: toDenseShape(values.length, shape, name) };
  const rows = {
    crow: toFloat64s(crow, `${name}.sparse_crow_indices`),
    col: toFloat64s(col, `${name}.sparse_col_indices`),
  };
  // Its checks are those of every sparse tensor; the dense cells are not needed.
  const checked = scatterSparse(values, rows, shape, name);
  return {
    shape: checked.shape,
    rows: { crow: BigInt64Array.from(rows.crow, BigInt), col: BigInt64Array.from(rows.col, BigInt) },
  };
}

function denseRows(length: number, columnCount: number): Int32Array {
  return Int32Array.from({ length }, (_, index) => Math.floor(index / columnCount));
}

function sparseRows({ crow, col }: NonNullable<TargetLayout['rows']>): Int32Array {
  const positions = new Int32Array(col.length);
  for (let row = 0; row + 1 < crow.length; row++)
    positions.fill(row, Number(crow[row]), Number(crow[row + 1]));
  return positions;
}
