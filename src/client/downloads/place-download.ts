import type { Logger } from '../../core/logger.ts';
import { toOutcome } from '../ports.ts';
import type { DownloadTarget } from './download-target.ts';
import { writeManifest, type ManifestFacts } from './manifest.ts';
import { isThere, placeFolder } from './place-folder.ts';
import type { Workspace } from './workspace.ts';

interface PlaceDownloadOptions extends ManifestFacts {
  target: DownloadTarget;
  workspace: Workspace;
  force: boolean;
  logger: Logger;
}

/**
 * Puts the finished folder in its place, with its manifest beside it. The manifest goes first, so that a process that is killed in
 * between leaves no folder that cannot be verified; but an old folder keeps its own until it is replaced.
 */
export async function placeDownload(options: PlaceDownloadOptions): Promise<void> {
  const { target, workspace, force, logger } = options;
  const { destination, manifestPath } = target;
  const { filesFolder: folder, asidePath, root } = workspace;
  const manifest = async (): Promise<void> => {
    const written = await toOutcome(writeManifest(manifestPath, root, options));
    // The download is whole without it.
    if (written.kind === 'failed') logger.warn(written.error.message);
  };
  const isNew = !(await isThere(destination));
  if (isNew) await manifest();
  await placeFolder({ folder, destination, asidePath, force, logger });
  if (!isNew) await manifest();
}
