import { createHash } from 'node:crypto';
import { DownloadError } from '../core/errors.ts';
import { combineCrc32c } from './combine-crc32c.ts';
import { toCrc32cText } from './crc32c.ts';
import type { ObjectChecksums, Run } from './protocol.ts';
import { readFileChunks } from './read-file.ts';

/** A file against what the server says of it. The checksum that is known already will do; others need it to be read back. */
export async function compareChecksums(
  path: string,
  { name, crc32c }: { name: string; crc32c: number },
  expected: ObjectChecksums,
  signal: AbortSignal,
): Promise<void> {
  if (expected.crc32c !== undefined) {
    if (toCrc32cText(crc32c) !== expected.crc32c)
      throw mismatch(`${name} has another CRC-32C than the server says`);
    return;
  }
  const [algorithm, digest] =
    expected.sha256 === undefined ? ['md5', expected.md5] : ['sha256', expected.sha256];
  if (digest === undefined) return;
  const hash = createHash(algorithm);
  await readFileChunks(path, { signal }, (chunk) => void hash.update(chunk));
  if (hash.digest('base64') !== digest)
    throw mismatch(`${name} has another ${algorithm} than the server says`);
}

/** An archive that was unpacked on its way: only its CRC-32C can be put together from what became of it. */
export function compareRuns(runs: readonly Run[], expectedCrc32c: string): void {
  const found = runs.reduce((sum, { crc32c, length }) => combineCrc32c(sum, crc32c, length), 0);
  if (toCrc32cText(found) !== expectedCrc32c)
    throw mismatch('the archive has another CRC-32C than the server says');
}

export function mismatch(what: string): DownloadError {
  return new DownloadError('checksum_mismatch', `The download is damaged: ${what}`);
}
