import { HttpError } from '../errors.ts';

/**
 * Packed little-endian arrays of the binary wire (wire-protocol 4.1). Bytes are copied, since a view into a message need
 * not be aligned; hosts are little-endian, as all that Node is built for in practice.
 */
export function readInt32s(bytes: Uint8Array, what: string): Int32Array {
  return new Int32Array(copyWhole(bytes, 4, what));
}

export function readFloat32s(bytes: Uint8Array, what: string): Float32Array {
  return new Float32Array(copyWhole(bytes, 4, what));
}

/** As doubles: exact for everything that can be a token id or an index. */
export function readInt64s(bytes: Uint8Array, what: string): Float64Array {
  const words = new Uint32Array(copyWhole(bytes, 8, what));
  const values = new Float64Array(words.length / 2);
  for (let index = 0; index < values.length; index += 1) {
    const low = words[2 * index] ?? 0;
    const high = (words[2 * index + 1] ?? 0) | 0;
    values[index] = high * 2 ** 32 + low;
  }
  return values;
}

export function packNumbers(values: Int32Array | Float32Array | BigInt64Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

function copyWhole(bytes: Uint8Array, elementBytes: number, what: string): ArrayBuffer {
  if (bytes.byteLength % elementBytes !== 0) {
    throw new HttpError(
      422,
      `${what}: ${bytes.byteLength} bytes are not a whole number of ${elementBytes}-byte values`,
    );
  }
  const copy = new ArrayBuffer(bytes.byteLength);
  new Uint8Array(copy).set(bytes);
  return copy;
}
