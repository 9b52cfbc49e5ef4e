import { crc32c } from './crc32c.ts';
import type { RecheckInput, RecheckOutcome, TaskContext } from './protocol.ts';
import { readFileChunks } from './read-file.ts';
import { syncPath } from './sync-to-disk.ts';

/**
 * Reads back what an earlier process wrote: only what is there as it was written is taken over, and put on the disk, which
 * that process may not have come to.
 */
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
  const paths = new Set(intact.map((index) => pieces[index]?.path ?? ''));
  for (const path of paths) await syncPath(path, 'file');
  return { kind: 'rechecked', intact };
}
