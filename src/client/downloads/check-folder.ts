import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { InternalError } from '../../core/errors.ts';
import type { Manifest } from '../../types/download-journal.ts';
import type { FolderProblem } from '../../types/downloads.ts';
import type { WorkerPool } from '../../workers/pool.ts';

/** Reads the files of a finished folder back and compares them with its manifest. */
export async function checkFolder(
  folder: string,
  { files }: Manifest,
  pool: WorkerPool,
  signal: AbortSignal,
): Promise<FolderProblem[]> {
  const problems: FolderProblem[] = [];
  const whole: Array<{ file: string; path: string; offset: 0; length: number; crc32c: number }> = [];
  for (const { name, size_bytes, crc32c } of files) {
    const path = join(folder, name);
    const found = await stat(path).catch(() => undefined);
    if (found === undefined) problems.push({ name, problem: 'missing' });
    else if (found.size !== size_bytes) problems.push({ name, problem: 'damaged' });
    else whole.push({ file: name, path, offset: 0, length: size_bytes, crc32c: Number.parseInt(crc32c, 16) });
  }
  const outcome = await pool.run('recheck', { pieces: whole }, { signal, onMessage: () => undefined });
  signal.throwIfAborted();
  if (outcome.kind !== 'rechecked')
    throw new InternalError(`reading ${folder} back ended as ${outcome.kind}`);
  const intact = new Set(outcome.intact);
  const damaged = whole.filter((_file, index) => !intact.has(index));
  return [...problems, ...damaged.map(({ file }) => ({ name: file, problem: 'damaged' as const }))];
}
