import { statfs } from 'node:fs/promises';
import { DownloadError } from '../../core/errors.ts';

/** Refuses at once what cannot fit; where the system does not say how much is free, the write will tell. */
export async function checkSpace(folder: string, neededBytes: number): Promise<void> {
  const space = await statfs(folder).catch(() => undefined);
  if (space === undefined || space.blocks === 0) return;
  const freeBytes = space.bavail * space.bsize;
  if (freeBytes >= neededBytes) return;
  throw new DownloadError(
    'disk_full',
    `${folder} has ${freeBytes} bytes free, and the download needs ${neededBytes} more. ` +
      'Free disk space or choose another output folder',
    { details: { neededBytes, freeBytes } },
  );
}
