import { crc32c } from './crc32c.ts';
import type { RecheckInput, RecheckOutcome, TaskContext } from './protocol.ts';
import { readFileChunks } from './read-file.ts';

/** Reads back what an earlier process wrote: only what is on disk as it was written is taken over. */
export async function recheckPieces(
  { pieces }: RecheckInput,
  { signal }: TaskContext,
): Promise<RecheckOutcome> {
  const intact: number[] = [];
  for (const [index, { path, offset, length, crc32c: expected }] of pieces.entries()) {
    let found = 0;
    // What cannot be read is not there.
    const read = await readFileChunks(path, { start: offset, length, signal }, (chunk) => {
      found = crc32c(chunk, found);
    }).catch(() => 0);
    if (signal.aborted) return { kind: 'cancelled' };
    if (read === length && found === expected) intact.push(index);
  }
  return { kind: 'rechecked', intact };
}
