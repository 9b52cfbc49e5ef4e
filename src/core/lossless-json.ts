declare global {
  interface JSON {
    /** A value that `JSON.stringify` writes as the given text. */
    rawJSON(text: string): object;
  }
}

/** An integer for `JSON.stringify`, digit by digit: ids and seeds may exceed what a double can hold. */
export function toJsonInteger(value: number | bigint): number | object {
  return typeof value === 'bigint' ? JSON.rawJSON(value.toString()) : value;
}
