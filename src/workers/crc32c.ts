import { crc32c as nativeCrc32c } from '@node-rs/crc32';

/** The checksum of `bytes`, or of what came before them (`previous`) and them. */
export function crc32c(bytes: Uint8Array, previous = 0): number {
  return nativeCrc32c(bytes, previous);
}

/** The base64 of storage services: four bytes, the highest first. */
export function toCrc32cText(value: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes.toString('base64');
}
