/** A whole number of 16 digits or more, the only kind that a double may round. Digits after a point do not count. */
const longInteger = /(?:^|[^.\d])\d{16,}/;

/**
 * `JSON.parse` that keeps integers beyond 2^53 exact, as bigint: `seq_id` and `seed` may be that large (wire-protocol 2.18).
 * A reviver is slow on large arrays, so it is used only when the text has such a number.
 */
export function parseJson(source: string): unknown {
  return longInteger.test(source) ? JSON.parse(source, keepLongIntegers) : JSON.parse(source);
}

/** What is kept and given back as the JSON that it was; there a number is a double, as for any other reader. */
const storedAsJson = new Set(['user_metadata', 'optimizer_config']);

function keepLongIntegers(key: string, value: unknown, context?: { source?: string }): unknown {
  if (storedAsJson.has(key) && typeof value === 'object') return withoutBigints(value);
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value;
  const source = context?.source ?? '';
  return /^-?\d+$/.test(source) ? BigInt(source) : value;
}

function withoutBigints(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_key, part: unknown) => (typeof part === 'bigint' ? Number(part) : part)),
  );
}

/** Deeper than any request of the API; what is deeper could overflow the stack of whatever walks through it. */
const maxDepth = 64;

/** Whether objects and arrays lie in each other more deeply than any request needs. */
export function isTooDeep(value: unknown, depth = 0): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (depth === maxDepth) return true;
  for (const part of Array.isArray(value) ? value : Object.values(value)) {
    if (typeof part === 'object' && isTooDeep(part, depth + 1)) return true;
  }
  return false;
}
