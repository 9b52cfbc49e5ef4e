import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { create } from 'tar';
import { completeMarker } from '../checkpoint-files.ts';

/** What a download has: the adapter, and the marker that the official program looks for. Never the optimizer's state. */
const archivedFiles = ['adapter_config.json', 'adapter_model.safetensors', completeMarker];

export interface Archive {
  path: string;
  sizeBytes: number;
  etag: string;
}

/** Packs a checkpoint's folder into `<directory>/<name>.tar`; the same files make the same bytes. */
export async function buildArchive(
  checkpointDirectory: string,
  directory: string,
  name: string,
): Promise<Archive> {
  await mkdir(directory, { recursive: true });
  const path = join(directory, `${name}.tar`);
  const partial = `${path}.partial`;
  try {
    await create({ file: partial, cwd: checkpointDirectory, portable: true, noMtime: true }, archivedFiles);
    await rename(partial, path);
  } finally {
    await rm(partial, { force: true });
  }
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return { path, sizeBytes: (await stat(path)).size, etag: `"${hash.digest('hex')}"` };
}
