import { createCipheriv, createHash } from 'node:crypto';

const zeros = Buffer.alloc(1024 * 1024);

/** Bytes that no compression shortens, the same for the same seed; at most a megabyte at a time. */
export function* noise(seed: string, sizeBytes: number): Generator<Buffer> {
  const key = createHash('sha256').update(seed).digest().subarray(0, 16);
  const stream = createCipheriv('aes-128-ctr', key, Buffer.alloc(16));
  for (let left = sizeBytes; left > 0; left -= zeros.length)
    yield stream.update(zeros.subarray(0, Math.min(left, zeros.length)));
}
