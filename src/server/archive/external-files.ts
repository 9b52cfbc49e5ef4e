import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { completeMarker } from '../checkpoint-files.ts';
import { HttpError } from '../errors.ts';
import type { CheckpointOnDisk } from '../services/checkpoint-service.ts';

/** The files of an export, in the order of their names. The marker is for archives only. */
export async function listExternalFiles({
  directory,
}: Pick<CheckpointOnDisk, 'directory'>): Promise<string[]> {
  return (await readdir(directory)).filter((name) => name !== completeMarker).toSorted();
}

/** One file of an export, as a download serves it; 404 for a name that is not among them, wherever it points. */
export async function requireExternalFile(
  checkpoint: Pick<CheckpointOnDisk, 'directory' | 'revision'>,
  name: string,
): Promise<{ path: string; sizeBytes: number; etag: string; contentType: string }> {
  const names = await listExternalFiles(checkpoint);
  if (!names.includes(name)) throw new HttpError(404, `This export has no file ${name}`);
  const path = join(checkpoint.directory, name);
  return {
    path,
    sizeBytes: (await stat(path)).size,
    etag: `"${checkpoint.revision}-${name}"`,
    contentType: name.endsWith('.json') ? 'application/json' : 'application/octet-stream',
  };
}
