import { InvalidArgumentError } from './errors.ts';

/** Standard alphabet, padded, no line breaks: other readers skip what they do not know, and end with other bytes. */
const base64Text = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Refuses what is neither bytes nor padded base64 of the standard alphabet, naming the place. */
export function checkBytes(value: Uint8Array | string, what: string): void {
  if (value instanceof Uint8Array || (typeof value === 'string' && base64Text.test(value))) return;
  throw new InvalidArgumentError(
    `${what} must be a Uint8Array, or its bytes as base64 of the standard alphabet with padding`,
  );
}

export function toRawBytes(value: Uint8Array | string): Uint8Array {
  return typeof value === 'string' ? Buffer.from(value, 'base64') : value;
}

export function toBase64(value: Uint8Array | string): string {
  return typeof value === 'string'
    ? value
    : Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64');
}

export function byteCount(value: Uint8Array | string): number {
  return typeof value === 'string' ? Buffer.byteLength(value, 'base64') : value.byteLength;
}
