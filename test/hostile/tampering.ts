import { tarEntry, type RawEntry } from '../helpers/archives.ts';

/** An entry whose header was written over after the fact, with a right checksum. */
export function tampered(entry: RawEntry, at: number, bytes: Buffer | string): Buffer {
  const whole = tarEntry(entry);
  Buffer.from(bytes).copy(whole, at);
  whole.write(' '.repeat(8), 148, 'latin1');
  const checksum = whole.subarray(0, 512).reduce((sum, byte) => sum + byte, 0);
  whole.write(`${checksum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return whole;
}

export const sizeAt = 124;

/** A size in the binary form of GNU: 12 bytes, the first with its highest bit set. */
export function binarySize(value: bigint): Buffer {
  const bytes = Buffer.alloc(12);
  bytes.writeBigInt64BE(value, 4);
  bytes.fill(value < 0n ? 0xff : 0, 0, 4);
  bytes[0] = value < 0n ? 0xff : 0x80;
  return bytes;
}

export function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ 0xff;
  return copy;
}
