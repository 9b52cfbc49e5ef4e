import { InvalidArgumentError } from '../../core/errors.ts';
import { toBigIntArray, toFloatArray } from '../../core/tensors.ts';
import type { TensorInput } from '../../types/tensor.ts';

/** The same tensor with every number in its typed array. Throws InvalidArgumentError that names the place. */
export function checkTensor(tensor: TensorInput, what: string): TensorInput {
  const { dtype, data, shape, sparse_crow_indices: crow, sparse_col_indices: col } = tensor;
  if (dtype !== 'float32' && dtype !== 'int64') {
    throw new InvalidArgumentError(`${what}.dtype must be float32 or int64, and is ${JSON.stringify(dtype)}`);
  }
  const values = dtype === 'float32' ? toFloatArray(data, what) : toBigIntArray(data, what);
  if (shape?.some((size) => !Number.isInteger(size) || size < 0) === true) {
    throw new InvalidArgumentError(`${what}.shape must be sizes, and is [${shape.join(', ')}]`);
  }
  if (crow !== undefined || col !== undefined) {
    const sparse_crow_indices = toBigIntArray(crow ?? [], `${what}.sparse_crow_indices`);
    const sparse_col_indices = toBigIntArray(col ?? [], `${what}.sparse_col_indices`);
    const sparse = { dtype, data: values, shape, sparse_crow_indices, sparse_col_indices };
    checkRows(sparse, what);
    return sparse;
  }
  if (shape !== undefined && sizeOf(shape) !== values.length) {
    throw new InvalidArgumentError(
      `${what} has ${values.length} values, but its shape [${shape.join(', ')}] holds ${sizeOf(shape)}`,
    );
  }
  return { dtype, data: values, shape };
}

/** The shape, of dense and sparse tensors alike; one dimension where none is given. */
export function shapeOf({ shape, data }: TensorInput): readonly number[] {
  return shape ?? [data.length];
}

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/**
 * Compressed rows (wire-protocol 3.3) in place of a dense matrix where they are smaller: most targets of a distillation
 * batch have few of the K that the widest has. Zeros are what is left out.
 */
export function toSmallest(tensor: TensorInput): TensorInput {
  const { dtype, data, shape, sparse_crow_indices } = tensor;
  const [rows = 0, columns = 0] = shape ?? [];
  if (shape?.length !== 2 || sparse_crow_indices !== undefined) return tensor;
  const places: number[] = [];
  const crow = new Int32Array(rows + 1);
  for (let row = 0; row < rows; row++) {
    for (let place = row * columns; place < (row + 1) * columns; place++) {
      if (Number(data[place]) !== 0) places.push(place);
    }
    crow[row + 1] = places.length;
  }
  if (rows + 1 + 2 * places.length >= rows * columns) return tensor;
  return {
    dtype,
    data:
      dtype === 'float32'
        ? Float32Array.from(places, (place) => Number(data[place]))
        : BigInt64Array.from(places, (place) => BigInt(data[place] ?? 0)),
    shape,
    sparse_crow_indices: crow,
    sparse_col_indices: Int32Array.from(places, (place) => place % columns),
  };
}

interface SparseRows {
  data: { readonly length: number };
  shape: readonly number[] | undefined;
  sparse_crow_indices: BigInt64Array;
  sparse_col_indices: BigInt64Array;
}

function checkRows(
  { data, shape, sparse_crow_indices: crow, sparse_col_indices: col }: SparseRows,
  what: string,
): void {
  const [rows = 0, columns = 0] = shape ?? [];
  if (shape?.length !== 2 || crow.length === 0) {
    throw new InvalidArgumentError(
      `${what} is sparse: it needs a shape of two dimensions and both index arrays`,
    );
  }
  if (crow.length !== rows + 1 || col.length !== data.length) {
    throw new InvalidArgumentError(
      `${what} is sparse with ${data.length} values in ${rows} rows: sparse_crow_indices must have ${rows + 1} values and ` +
        `sparse_col_indices ${data.length}, and they have ${crow.length} and ${col.length}`,
    );
  }
  const descent = crow.findIndex((start, row) => start < (row === 0 ? 0n : (crow[row - 1] ?? 0n)));
  if (crow[0] !== 0n || crow.at(-1) !== BigInt(data.length) || descent >= 0) {
    throw new InvalidArgumentError(
      `${what}.sparse_crow_indices must rise from 0 to ${data.length}, the number of values`,
    );
  }
  const outside = col.findIndex((column) => column < 0n || column >= BigInt(columns));
  if (outside >= 0) {
    throw new InvalidArgumentError(
      `${what}.sparse_col_indices[${outside}] must be a column of ${columns}, and is ${String(col[outside])}`,
    );
  }
}
