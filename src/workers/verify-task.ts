import { DownloadError } from '../core/errors.ts';
import { serializeError } from '../core/serialize-error.ts';
import { openArchive } from './open-archive.ts';
import type { ArchiveCorrupt, TaskFailure, VerifyInput, VerifyOutcome } from './protocol.ts';
import { readTar } from './tar-reader.ts';

/** A first look before anything is unpacked: the announced length, and a tar that begins with a member. */
export async function verifyArchive({ archivePath, totalBytes }: VerifyInput): Promise<VerifyOutcome> {
  try {
    await using archive = await openArchive(archivePath);
    if (totalBytes !== undefined && archive.sizeBytes !== totalBytes) {
      const message = `The archive has ${archive.sizeBytes} bytes where the server announced ${totalBytes}`;
      throw new DownloadError('corrupt_archive', message);
    }
    const members = readTar(archive.content);
    const first = await members.next();
    await members.return(undefined);
    if (first.done === true) throw new DownloadError('corrupt_archive', 'The archive is empty');
    return { kind: 'intact' };
  } catch (error) {
    return toArchiveOutcome(error);
  }
}

/** Damage is worth another fetch, unless the format itself is one that is not read; every other error is final. */
export function toArchiveOutcome(error: unknown): ArchiveCorrupt | TaskFailure {
  const isDamage =
    error instanceof DownloadError && error.code === 'corrupt_archive' && !('format' in error.details);
  return { kind: isDamage ? 'corrupt' : 'failed', error: serializeError(error) };
}
