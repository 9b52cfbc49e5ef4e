import { join, resolve } from 'node:path';

/** What Windows takes for a separator, a stream, a wildcard or a redirection. */
const reservedOnWindows = /[:\\*?"<>|]/g;

/** The names of one download on disk. All lie side by side, so that the last step is a rename and not a copy. */
export interface DownloadTarget {
  /** Absolute, as all of them. */
  outputDir: string;
  /** The checkpoint's folder. */
  destination: string;
  partPath: string;
  /** Where the archive is unpacked. */
  stagingPath: (id: string) => string;
  /** Where an old destination waits until the new one is in place. */
  asidePath: (id: string) => string;
}

/** `outputDir/<path without tinker://, with / as _>`; on Windows what cannot be in a name is `_` as well. */
export function toDownloadTarget(
  tinkerPath: string,
  outputDir: string,
  platform: NodeJS.Platform = process.platform,
): DownloadTarget {
  const flat = tinkerPath.replace(/^tinker:\/\//, '').replaceAll('/', '_');
  const name = platform === 'win32' ? flat.replace(reservedOnWindows, '_') : flat;
  const folder = resolve(outputDir);
  const destination = join(folder, name);
  return {
    outputDir: folder,
    destination,
    partPath: `${destination}.part`,
    stagingPath: (id) => `${destination}.staging-${id}`,
    asidePath: (id) => `${destination}.replaced-${id}`,
  };
}
