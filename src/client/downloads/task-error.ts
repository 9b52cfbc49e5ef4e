import { DownloadError } from '../../core/errors.ts';
import { reviveError, type SerializedError } from '../../core/serialize-error.ts';

type DownloadErrorCode = ConstructorParameters<typeof DownloadError>[0];

const downloadErrorCodes: ReadonlySet<string> = new Set<DownloadErrorCode>([
  'destination_exists',
  'archive_pending',
  'not_downloadable',
  'decryption_failed',
  'checksum_mismatch',
  'unsafe_archive',
  'corrupt_archive',
  'disk_full',
  'file_access',
]);

function isDownloadErrorCode(code: string): code is DownloadErrorCode {
  return downloadErrorCodes.has(code);
}

/** A worker's error with the class it had there. */
export function toTaskError(error: SerializedError | Error): Error {
  if (error instanceof Error) return error;
  if (!isDownloadErrorCode(error.code)) return reviveError(error);
  return new DownloadError(error.code, error.message, { details: error.details });
}
