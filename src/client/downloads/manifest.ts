import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { manifestSchema, type Manifest } from '../../types/download-journal.ts';
import type { DownloadedFile, DownloadResult, DownloadSourceKind } from '../../types/downloads.ts';
import { fileOperation } from '../../workers/file-errors.ts';
import type { PlacedFile } from '../../workers/protocol.ts';

export interface ManifestFacts {
  tinkerPath: string;
  source: DownloadSourceKind;
  files: readonly PlacedFile[];
  now: number;
}

/** Writes what a finished folder holds: in the workspace first, so that it is never there half written. */
export async function writeManifest(
  path: string,
  workspaceRoot: string,
  { tinkerPath, source, files, now }: ManifestFacts,
): Promise<void> {
  const manifest: Manifest = {
    version: 1,
    tinker_path: tinkerPath,
    downloaded_at: new Date(now).toISOString(),
    source,
    files: files.map(({ name, size_bytes, crc32c }) => ({
      name,
      size_bytes,
      crc32c: crc32c.toString(16).padStart(8, '0'),
    })),
  };
  const unfinished = join(workspaceRoot, 'manifest.json');
  await fileOperation(`write ${path}`, async () => {
    await writeFile(unfinished, `${JSON.stringify(manifest, null, 2)}\n`);
    await rename(unfinished, path);
  });
}

/** Undefined when there is none, or none that can be read. */
export async function readManifest(path: string): Promise<Manifest | undefined> {
  try {
    return manifestSchema.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    return undefined;
  }
}

/** What a download that found or made such a folder gives. */
export function toResult(
  tinker_path: string,
  destination: string,
  files: readonly DownloadedFile[],
): DownloadResult {
  return {
    tinker_path,
    destination,
    size_bytes: files.reduce((sum, { size_bytes }) => sum + size_bytes, 0),
    files: files.map(({ name, size_bytes }) => ({ name, size_bytes })),
  };
}
