import { createCipheriv, createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { create } from 'tar';
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
    await writeNoise(join(folder, file), sizeBytes, `${name}/${seed++}`);
  }
  const hashes = await hashFolder(folder);
  if (kind === 'archive') {
    const entries = await readdir(folder);
    await create({ file: join(root, name, 'archive.tar'), cwd: folder, portable: true }, entries);
    await rm(folder, { recursive: true });
  }
  return hashes;
}

/** Bytes that no compression shortens, the same for the same seed. */
async function writeNoise(path: string, sizeBytes: number, seed: string): Promise<void> {
  const key = createHash('sha256').update(seed).digest().subarray(0, 16);
  const cipher = createCipheriv('aes-128-ctr', key, Buffer.alloc(16));
  const zeros = Buffer.alloc(4 * 1024 * 1024);
  await using file = await open(path, 'wx');
  for (let left = sizeBytes; left > 0; left -= zeros.length)
    await file.write(cipher.update(zeros.subarray(0, Math.min(left, zeros.length))));
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
