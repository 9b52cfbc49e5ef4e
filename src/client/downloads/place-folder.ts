import { lstat, rename, rm } from 'node:fs/promises';
import { DownloadError } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import { fileOperation } from '../../workers/file-errors.ts';

export interface PlaceFolderOptions {
  /** What becomes the destination. */
  folder: string;
  destination: string;
  /** Where what is at the destination goes until the new folder is in its place. */
  asidePath: string;
  force: boolean;
  logger: Logger;
}

/** Whether something is at `path`; a link counts by itself, wherever it leads. */
export async function isThere(path: string): Promise<boolean> {
  try {
    await fileOperation(`look at ${path}`, () => lstat(path));
    return true;
  } catch (error) {
    if (error instanceof DownloadError && error.details['errno'] === 'ENOENT') return false;
    throw error;
  }
}

/**
 * Makes the folder the destination by one rename. With `force` an old destination is moved aside before and
 * deleted after; when the rename fails it comes back.
 */
export async function placeFolder({
  folder,
  destination,
  asidePath,
  force,
  logger,
}: PlaceFolderOptions): Promise<void> {
  const place = () => fileOperation(`create ${destination}`, () => rename(folder, destination));
  if (!(await isThere(destination))) return place();
  if (!force) {
    throw new DownloadError(
      'destination_exists',
      `The target has appeared during the download: ${destination}`,
      {
        details: { destination },
      },
    );
  }
  await fileOperation(`move ${destination} aside`, () => rename(destination, asidePath));
  try {
    await place();
  } catch (error) {
    await fileOperation(`move ${asidePath} back to ${destination}`, () => rename(asidePath, destination));
    throw error;
  }
  await removeQuietly(asidePath, logger);
}

/** Where descriptors are short, or somebody still looks: a tenth of a second longer each time. */
const removeRetries = 8;

/** Removes a file or a folder; what cannot be removed is logged, since the download itself does not depend on it. */
export async function removeQuietly(path: string, logger: Logger): Promise<void> {
  try {
    await fileOperation(`remove ${path}`, () =>
      rm(path, { recursive: true, force: true, maxRetries: removeRetries }),
    );
  } catch (error) {
    logger.warn(`left behind: ${path}`, { error: String(error) });
  }
}
