import { statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { DownloadError } from '../core/errors.ts';
import { toArchiveOutcome } from './archive-outcome.ts';
import { checkSafetensors } from './check-safetensors.ts';
import { compareChecksums, compareRuns, mismatch } from './compare-checksums.ts';
import { decryptFile, isEncrypted, plainNameOf } from './decrypt-file.ts';
import { fileOperation, toFileError } from './file-errors.ts';
import type { PlacedFile, TaskContext, VerifyInput, VerifyOutcome } from './protocol.ts';
import { syncPath } from './sync-to-disk.ts';

/** Of thousands of files; then others of the thread have their turn, and a cancel comes through. */
const filesPerTurn = 200;

/**
 * Looks at what lies in the folder before it becomes the destination: that each file has its length, the checksums that
 * came with it, and the tensors that it tells of; decrypts what is encrypted. Then the names are put on the disk too, as the
 * bytes were when they were written.
 */
export async function verifyFiles(
  { folder, files, archive, identities = [] }: VerifyInput,
  { signal }: TaskContext,
): Promise<VerifyOutcome> {
  try {
    if (archive !== undefined) compareRuns(archive.runs, archive.crc32c);
    const placed: PlacedFile[] = [];
    const encrypted: string[] = [];
    for (const [index, { checksums, ...file }] of files.entries()) {
      if (index % filesPerTurn === filesPerTurn - 1) await setImmediate();
      signal.throwIfAborted();
      const path = join(folder, file.name);
      const size = sizeOf(path);
      if (size !== file.size_bytes)
        throw mismatch(`${file.name} has ${size ?? 'no'} bytes where ${file.size_bytes} were written`);
      if (checksums !== undefined) await compareChecksums(path, file, checksums, signal);
      if (identities.length === 0 || !isEncrypted(file.name)) {
        placed.push(file);
        continue;
      }
      // Before anything is written: a file of that name may be there.
      if (files.some(({ name }) => name === plainNameOf(file.name)))
        throw new DownloadError('unsafe_archive', `${file.name} would take the place of another file`);
      const plain = await decryptFile(path, file.name, identities, signal);
      encrypted.push(path);
      placed.push(plain);
    }
    for (const { name, size_bytes } of placed)
      if (name.endsWith('.safetensors')) checkSafetensors(join(folder, name), name, size_bytes);
    for (const path of encrypted) await fileOperation(`remove ${path}`, () => rm(path));
    const folders = new Set(placed.map(({ name }) => dirname(join(folder, name))));
    for (const path of folders) await syncPath(path, 'folder');
    return { kind: 'intact', files: placed };
  } catch (error) {
    return signal.aborted ? { kind: 'cancelled' } : toArchiveOutcome(error);
  }
}

/** Undefined when it is not there. */
function sizeOf(path: string): number | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false })?.size;
  } catch (error) {
    throw toFileError(error, `look at ${path}`);
  }
}
