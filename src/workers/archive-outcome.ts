import { DownloadError } from '../core/errors.ts';
import { serializeError } from '../core/serialize-error.ts';
import type { ArchiveCorrupt, TaskFailure } from './protocol.ts';

/** Damage is worth another fetch, unless the format itself is one that is not read; every other error is final. */
export function toArchiveOutcome(error: unknown): ArchiveCorrupt | TaskFailure {
  const isDamage =
    error instanceof DownloadError &&
    ((error.code === 'corrupt_archive' && !('format' in error.details)) ||
      error.code === 'checksum_mismatch');
  return { kind: isDamage ? 'corrupt' : 'failed', error: serializeError(error) };
}
