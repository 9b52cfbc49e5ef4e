import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { create } from 'tar';
import { tensorHeader } from '../../helpers/archives.ts';
import { noise } from '../../helpers/noise.ts';
import { materials, type MaterialName } from './catalogue.ts';

/** Sha-256 of each file of a material, by name. */
export type Hashes = ReadonlyMap<string, string>;

/** Makes a material below `root`: `NAME/files/…`, and for an archive `NAME/archive.tar` in its place. */
export async function makeMaterial(root: string, name: MaterialName): Promise<Hashes> {
  const { kind, files } = materials[name];
  const folder = join(root, name, 'files');
  let seed = 0;
  for (const [file, sizeBytes] of Object.entries(files)) {
    await mkdir(dirname(join(folder, file)), { recursive: true });
    await writeContent(join(folder, file), sizeBytes, `${name}/${seed++}`);
  }
  const hashes = await hashFolder(folder);
  if (kind === 'archive') {
    const entries = await readdir(folder);
    await create({ file: join(root, name, 'archive.tar'), cwd: folder, portable: true }, entries);
    await rm(folder, { recursive: true });
  }
  return hashes;
}

/** Bytes that no compression shortens; the weights are safetensors, since that is looked at. */
async function writeContent(path: string, sizeBytes: number, seed: string): Promise<void> {
  const header = path.endsWith('.safetensors') ? tensorHeader(sizeBytes) : Buffer.alloc(0);
  await using file = await open(path, 'wx');
  await file.writeFile(header);
  for (const piece of noise(seed, sizeBytes - header.length)) await file.writeFile(piece);
}

/** Sha-256 of every file in a folder, by its name below it. */
export async function hashFolder(folder: string): Promise<Hashes> {
  const hashes = new Map<string, string>();
  for (const name of await readdir(folder, { recursive: true })) {
    const path = join(folder, name);
    if (!(await stat(path)).isFile()) continue;
    const hash = createHash('sha256');
    await pipeline(createReadStream(path, { highWaterMark: 1024 * 1024 }), hash);
    hashes.set(name, hash.digest('hex'));
  }
  return hashes;
}
