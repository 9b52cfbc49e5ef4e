/** A whole number of 16 digits or more, the only kind that a double may round. Digits after a point do not count. */
const longInteger = /(?:^|[^.\d])\d{16,}/;

/**
 * `JSON.parse` that keeps integers beyond 2^53 exact, as bigint: `seq_id` and `seed` may be that large (wire-protocol 2.18).
 * A reviver is slow on large arrays, so it is used only when the text has such a number.
 */
export function parseJson(source: string): unknown {
  return longInteger.test(source) ? JSON.parse(source, keepLongIntegers) : JSON.parse(source);
}

function keepLongIntegers(_key: string, value: unknown, context?: { source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value;
  const source = context?.source ?? '';
  return /^-?\d+$/.test(source) ? BigInt(source) : value;
}
