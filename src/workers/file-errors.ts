import { DownloadError } from '../core/errors.ts';
import { causesOf } from '../core/thrown.ts';

const outOfSpace = new Set(['ENOSPC', 'EDQUOT']);

const explanations: Readonly<Record<string, string>> = {
  EACCES: 'permission denied: choose another output folder or change its permissions',
  EPERM: 'the system does not permit it',
  EROFS: 'the file system is read-only',
  EMFILE: 'this process has too many open files: lower the concurrency or raise the limit (ulimit -n)',
  ENFILE: 'the system has too many open files: close other programs or raise its limit',
  ENOTDIR: 'a part of the path is not a folder',
  EISDIR: 'a folder is in the way',
  EEXIST: 'something of that name is in the way',
  ENOENT: 'it does not exist, or was removed meanwhile',
  EFBIG: 'it becomes larger than the file system or a limit (ulimit -f) allows',
  ENAMETOOLONG: 'the name is too long for the file system',
  EBUSY: 'another program uses it',
  EIO: 'the device reports an error',
};

/**
 * The download's error for a failed file operation: `disk_full` or `file_access`, with what to do about it. `what` names
 * the operation and the path (`write /data/x.part`). Errors that are not the file system's are given back as they are.
 */
export function toFileError(error: unknown, what: string): unknown {
  if (
    !(error instanceof Error) ||
    !('syscall' in error) ||
    !('code' in error) ||
    typeof error.code !== 'string'
  )
    return error;
  const details = { errno: error.code };
  if (outOfSpace.has(error.code)) {
    const message = `Cannot ${what}: no space is left (${error.code}). Free disk space or choose another output folder`;
    return new DownloadError('disk_full', message, { cause: error, details });
  }
  const explanation = explanations[error.code] ?? error.message;
  return new DownloadError('file_access', `Cannot ${what}: ${explanation} (${error.code})`, {
    cause: error,
    details,
  });
}

/**
 * A lack of descriptors is none of the network or of a thread, however it comes out: a loader that may not read a file says at
 * first that a module is missing. Undefined for anything else.
 */
export function toTooManyFiles(error: unknown, what: string): DownloadError | undefined {
  const said = causesOf(error).map(({ message }) => message);
  const [named] = /\b(?:EMFILE|ENFILE)\b/.exec(said.join(' ')) ?? [];
  const errno =
    named ?? (said.some((message) => /too many open files/i.test(message)) ? 'EMFILE' : undefined);
  if (errno === undefined) return undefined;
  return new DownloadError('file_access', `Cannot ${what}: ${explanations[errno]} (${errno})`, {
    cause: error,
    details: { errno },
  });
}

/** Runs a file operation; what it throws is said in the download's own words. */
export async function fileOperation<Value>(what: string, work: () => Promise<Value>): Promise<Value> {
  try {
    return await work();
  } catch (error) {
    throw toFileError(error, what);
  }
}
