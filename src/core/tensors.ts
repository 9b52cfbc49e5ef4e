import type { TensorData, TensorInput } from '../types/tensor.ts';
import type { Tokens } from '../types/model-input.ts';
import { InvalidArgumentError, InvalidResponseError } from './errors.ts';

const maxTokenId = 2 ** 31 - 1;

/** Token ids as int32; refuses fractional, negative and too large ones, naming the place. */
export function toTokenArray(tokens: Tokens, what: string): Int32Array {
  if (tokens instanceof Int32Array) {
    for (let index = 0; index < tokens.length; index++) {
      const token = tokens[index];
      if (token !== undefined && token < 0) throw badToken(what, index, token);
    }
    return tokens;
  }
  const result = new Int32Array(tokens.length);
  for (let index = 0; index < tokens.length; index++) {
    const token = tokens[index];
    if (!isTokenId(token)) throw badToken(what, index, token);
    result[index] = token;
  }
  return result;
}

/** The same checks without a conversion. */
export function checkTokens(tokens: Tokens, what: string): void {
  for (let index = 0; index < tokens.length; index++) {
    if (!isTokenId(tokens[index])) throw badToken(what, index, tokens[index]);
  }
}

/** Checked token ids as JSON carries them: a plain array. */
export function toTokenList(tokens: Tokens): readonly number[] {
  if (!(tokens instanceof Int32Array)) return tokens;
  // Array.from goes through the iterator, at twenty times the cost; every sample passes here.
  const list: number[] = [];
  for (let index = 0; index < tokens.length; index++) list.push(tokens[index] ?? 0);
  return list;
}

function isTokenId(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= maxTokenId;
}

/** Index of the first value that is no token id, or -1. Looks at halves: a bigint for each element would be dear. */
export function findNoTokenId(values: BigInt64Array): number {
  const halves = new Int32Array(values.buffer, values.byteOffset, values.length * 2);
  for (let index = 0; index < values.length; index++) {
    if ((halves[2 * index] ?? 0) < 0 || halves[2 * index + 1] !== 0) return index;
  }
  return -1;
}

function badToken(what: string, index: number, value: unknown): InvalidArgumentError {
  return new InvalidArgumentError(
    `${what}[${index}] must be a token id (an integer from 0 to 2^31 - 1), and is ${String(value)}`,
  );
}

/** Float values as float32; refuses NaN, infinity and what is no number, naming the place. */
export function toFloatArray(values: TensorInput['data'], what: string): Float32Array {
  if (values instanceof Float32Array) {
    for (let index = 0; index < values.length; index++) {
      if (!Number.isFinite(values[index])) throw badFloat(what, index, values[index]);
    }
    return values;
  }
  const result = new Float32Array(values.length);
  for (let index = 0; index < values.length; index++) {
    const value = values[index];
    if (typeof value !== 'number' || !Number.isFinite(value)) throw badFloat(what, index, value);
    result[index] = value;
  }
  return result;
}

function badFloat(what: string, index: number, value: unknown): InvalidArgumentError {
  return new InvalidArgumentError(`${what}[${index}] must be a finite number, and is ${String(value)}`);
}

/** Integer values as int64; refuses fractional ones, naming the place. */
export function toBigIntArray(values: TensorInput['data'], what: string): BigInt64Array {
  if (values instanceof BigInt64Array) return values;
  const result = new BigInt64Array(values.length);
  // Written as halves, low then high: a bigint for each element would cost ten times as much.
  const halves = new Int32Array(result.buffer);
  if (values instanceof Int32Array) {
    for (let index = 0; index < values.length; index++) {
      const value = values[index] ?? 0;
      halves[2 * index] = value;
      halves[2 * index + 1] = value >> 31;
    }
    return result;
  }
  for (let index = 0; index < values.length; index++) {
    const value = values[index];
    if (typeof value !== 'number' || !Number.isSafeInteger(value)) {
      throw new InvalidArgumentError(`${what}[${index}] must be an integer, and is ${String(value)}`);
    }
    halves[2 * index] = value;
    halves[2 * index + 1] = Math.floor(value / 2 ** 32);
  }
  return result;
}

/** The values of a result tensor as doubles. */
export function toNumbers(tensor: TensorData): number[] {
  return Array.from(tensor.data, Number);
}

/** Bytes of a typed array, without a copy. Every supported host is little-endian, as the wire is. */
export function toBytes(values: Int32Array | Float32Array | BigInt64Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

/** From this length on a protobuf field's tag and length take at least four bytes. */
const movableBytes = 2 ** 14;

/**
 * The bytes of a protobuf field where a typed array can view them, which must begin at a multiple of its element's size:
 * where they are if they do, else moved. Long ones move down by up to three bytes, over their own tag and length, which have
 * been read; so the message must be ours to change. A copy would cost up to twenty times as much, in fresh memory.
 */
export function toAligned(field: Uint8Array, elementBytes: number, what: string): Uint8Array<ArrayBuffer> {
  const { buffer, byteOffset, byteLength } = field;
  if (byteLength % elementBytes !== 0) {
    throw new InvalidResponseError(`${what} has ${byteLength} bytes, not a multiple of ${elementBytes}`);
  }
  const excess = byteOffset % elementBytes;
  if (buffer instanceof ArrayBuffer) {
    if (excess === 0) return new Uint8Array(buffer, byteOffset, byteLength);
    if (excess < 4 && byteLength >= movableBytes) {
      const moved = new Uint8Array(buffer, byteOffset - excess, byteLength);
      moved.set(field);
      return moved;
    }
  }
  const copy = Buffer.allocUnsafeSlow(byteLength);
  copy.set(field);
  return copy;
}
