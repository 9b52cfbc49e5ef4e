import { join, resolve } from 'node:path';

/** What Windows takes for a separator, a stream, a wildcard or a redirection. */
const reservedOnWindows = /[:\\*?"<>|]/g;

/** The names of one download on disk. All lie side by side, so that the last step is a rename and not a copy. */
export interface DownloadTarget {
  /** Absolute, as all of them. */
  outputDir: string;
  /** The checkpoint's folder. */
  destination: string;
  manifestPath: string;
  /** Where everything unfinished lies. */
  workspacePath: string;
  /** The same for a download that another process forestalled. */
  privateWorkspacePath: (id: string) => string;
  /** Where a workspace goes to be removed. */
  removedPath: string;
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
    manifestPath: `${destination}.manifest.json`,
    workspacePath: `${destination}.download`,
    privateWorkspacePath: (id) => `${destination}.download-${id}`,
    removedPath: `${destination}.download-removed`,
  };
}
