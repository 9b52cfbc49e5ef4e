import { HttpError } from '../errors.ts';

/** A tensor of a request, dense and row-major. int64 values are held as doubles. */
export type RequestTensor =
  | { dtype: 'float32'; values: Float32Array; shape: number[] }
  | { dtype: 'int64'; values: Float64Array; shape: number[] };

/** Where compressed sparse rows put their values (wire-protocol 3.3). */
export interface SparseRows {
  crow: Float64Array;
  col: Float64Array;
}

/** Checks the shape of dense values; without one they have one dimension. */
export function toDenseShape(
  valueCount: number,
  shape: readonly number[] | undefined,
  what: string,
): number[] {
  if (shape === undefined || shape.length === 0) return [valueCount];
  const expected = shape.reduce((product, size) => product * size, 1);
  if (!shape.every((size) => Number.isInteger(size) && size >= 0) || expected !== valueCount) {
    throw new HttpError(422, `${what}: shape [${shape.join(', ')}] does not fit ${valueCount} values`);
  }
  return [...shape];
}

/** Most cells that a sparse tensor may expand to: 256 MB of them. */
const maxSparseCells = 2 ** 26;

/** Fills `dense`, which has `shape`, from the values of its non-zero cells. */
export function scatterSparse(
  values: Float32Array | Float64Array,
  rows: SparseRows,
  shape: readonly number[] | undefined,
  what: string,
): { cells: Float64Array; shape: number[] } {
  const [rowCount, columnCount] = shape ?? [];
  if (
    shape?.length !== 2 ||
    rowCount === undefined ||
    columnCount === undefined ||
    rowCount < 0 ||
    columnCount < 0
  ) {
    throw new HttpError(422, `${what}: a sparse tensor needs a shape of two dimensions`);
  }
  if (rowCount * columnCount > maxSparseCells)
    throw new HttpError(422, `${what}: shape [${shape.join(', ')}] is too large`);
  if (rows.crow.length !== rowCount + 1 || rows.col.length !== values.length || rows.crow[0] !== 0) {
    throw new HttpError(
      422,
      `${what}: the index arrays of the sparse tensor do not fit its shape and values`,
    );
  }
  const cells = new Float64Array(rowCount * columnCount);
  for (let row = 0; row < rowCount; row += 1) {
    const end = rows.crow[row + 1] ?? 0;
    if (!Number.isInteger(end) || end < (rows.crow[row] ?? 0) || end > values.length) {
      throw new HttpError(422, `${what}: sparse row ${row} has impossible bounds`);
    }
    for (let index = rows.crow[row] ?? 0; index < end; index += 1) {
      const column = rows.col[index] ?? -1;
      if (!Number.isInteger(column) || column < 0 || column >= columnCount)
        throw new HttpError(422, `${what}: sparse column ${column} is out of range`);
      cells[row * columnCount + column] = values[index] ?? 0;
    }
  }
  if (rows.crow[rowCount] !== values.length) throw new HttpError(422, `${what}: sparse values are left over`);
  return { cells, shape: [rowCount, columnCount] };
}
