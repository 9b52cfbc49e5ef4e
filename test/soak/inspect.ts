import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { filesOf, folderOf, sha256, type SoakCheckpoint } from './plan.ts';

/** What is wrong with the folder of finished downloads: files that are missing, other than they should be, or strays. */
export async function inspectResult(
  outputDir: string,
  checkpoints: readonly SoakCheckpoint[],
): Promise<string[]> {
  const wrong: string[] = [];
  const strays = new Set(await readdir(outputDir));
  for (const checkpoint of checkpoints) {
    const folder = folderOf(checkpoint);
    strays.delete(folder);
    strays.delete(`${folder}.manifest.json`);
    wrong.push(...(await inspectCheckpoint(join(outputDir, folder), checkpoint)));
  }
  return [...wrong, ...[...strays].map((name) => `stray: ${name}`)];
}

async function inspectCheckpoint(folder: string, checkpoint: SoakCheckpoint): Promise<string[]> {
  const expected = filesOf(checkpoint);
  const wrong: string[] = [];
  for (const [name, bytes] of expected) {
    const found = await readFile(join(folder, name)).catch(() => undefined);
    if (found === undefined) wrong.push(`missing: ${join(folder, name)}`);
    else if (sha256(found) !== sha256(bytes)) wrong.push(`wrong bytes: ${join(folder, name)}`);
  }
  const there = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  for (const entry of there) {
    const name = join(entry.parentPath, entry.name).slice(folder.length + 1);
    if (!entry.isDirectory() && !expected.has(name)) wrong.push(`stray: ${join(folder, name)}`);
  }
  return wrong;
}

/** The journals and locks that tell a signature: none may, since they lie on the disk for whoever comes. */
export async function findSignatures(outputDir: string): Promise<string[]> {
  const found: string[] = [];
  for (const name of await readdir(outputDir, { recursive: true })) {
    if (!/\.(?:jsonl?|lock)$|lock$/.test(name)) continue;
    // It may have been removed since.
    const text = await readFile(join(outputDir, name), 'utf8').catch(() => '');
    if (text.includes('signature=')) found.push(`a signature in ${name}`);
  }
  return found;
}
