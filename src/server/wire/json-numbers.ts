import { HttpError } from '../errors.ts';

/** Arrays of numbers in JSON bodies are passed over by the schemas and checked here, in one loop. */
export function toFloat64s(values: readonly unknown[], what: string): Float64Array {
  const numbers = new Float64Array(values.length);
  for (let index = 0; index < values.length; index += 1) {
    const value = values[index];
    if (typeof value !== 'number') {
      throw new HttpError(422, `${what}[${index}] must be a number that a double can hold`);
    }
    numbers[index] = value;
  }
  return numbers;
}

/** Token ids: whole numbers of 32 bits. */
export function toTokenIds(values: readonly unknown[], what: string): Int32Array {
  const tokens = new Int32Array(values.length);
  for (let index = 0; index < values.length; index += 1) {
    const value = values[index];
    if (typeof value !== 'number' || (value | 0) !== value) {
      throw new HttpError(422, `${what}[${index}] must be a token id`);
    }
    tokens[index] = value;
  }
  return tokens;
}
