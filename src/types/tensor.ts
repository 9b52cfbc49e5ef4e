/** Element types that travel. bfloat16 and int32 results are widened to these on read. */
export type TensorDtype = 'float32' | 'int64';

/** Row-major values; `shape` absent means one dimension. Sparse CSR tensors have two and both index arrays. */
export interface TensorInput {
  dtype: TensorDtype;
  data: Float32Array | BigInt64Array | Int32Array | readonly number[];
  shape?: readonly number[] | undefined;
  sparse_crow_indices?: BigInt64Array | Int32Array | readonly number[] | undefined;
  sparse_col_indices?: BigInt64Array | Int32Array | readonly number[] | undefined;
}

/** Where the values of compressed sparse rows go (wire-protocol 3.3); a dense tensor has neither. */
export interface SparseRows {
  sparse_crow_indices?: BigInt64Array;
  sparse_col_indices?: BigInt64Array;
}

/** A tensor of a result: float32 values as `Float32Array`, int64 values as `BigInt64Array`. */
export type TensorData =
  | ({ dtype: 'float32'; data: Float32Array; shape: number[] } & SparseRows)
  | ({ dtype: 'int64'; data: BigInt64Array; shape: number[] } & SparseRows);
