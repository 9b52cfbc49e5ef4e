/** A matrix in row-major order. */
export interface FlatMatrix {
  rows: number;
  columns: number;
  data: Float32Array;
}

/**
 * Adds `scale` times the product of two matrices to `target`. Four rows of `right` are taken per pass, which reads and
 * writes the target a quarter as often; this is the innermost loop of an optimizer step.
 */
export function addProduct(target: FlatMatrix, left: FlatMatrix, right: FlatMatrix, scale: number): void {
  const { columns, data: sums } = target;
  const inner = left.columns;
  const source = right.data;
  for (let row = 0; row < target.rows; row++) {
    const factorAt = (index: number) => (index < inner ? scale * (left.data[row * inner + index] ?? 0) : 0);
    for (let index = 0; index < inner; index += 4) {
      const [a, b, c, d] = [factorAt(index), factorAt(index + 1), factorAt(index + 2), factorAt(index + 3)];
      if (a === 0 && b === 0 && c === 0 && d === 0) continue;
      addFourRows(sums, row * columns, source, index * columns, columns, a, b, c, d);
    }
  }
}

export function transposed({ rows, columns, data }: FlatMatrix): FlatMatrix {
  const result = new Float32Array(data.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++)
      result[column * rows + row] = data[row * columns + column] ?? 0;
  }
  return { rows: columns, columns: rows, data: result };
}

/** Rows past the end of `source` count as zero. */
function addFourRows(
  target: Float32Array,
  begin: number,
  source: Float32Array,
  first: number,
  count: number,
  a: number,
  b: number,
  c: number,
  d: number,
): void {
  const second = first + count;
  const third = second + count;
  const fourth = third + count;
  for (let index = 0; index < count; index++) {
    target[begin + index] =
      (target[begin + index] ?? 0) +
      a * (source[first + index] ?? 0) +
      b * (source[second + index] ?? 0) +
      c * (source[third + index] ?? 0) +
      d * (source[fourth + index] ?? 0);
  }
}
