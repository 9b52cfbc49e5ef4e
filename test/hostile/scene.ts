import { createHash } from 'node:crypto';
import { lstat, mkdir, readdir, readFile, readlink, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';

/** A fresh folder with canaries around the place where a download may write. */
export class Scene {
  readonly outputDir: string;
  readonly #root: string;
  #before = new Map<string, string>();

  private constructor(root: string) {
    this.#root = root;
    this.outputDir = join(root, 'out');
  }

  static async create(root: string): Promise<Scene> {
    const scene = new Scene(root);
    for (const folder of [root, scene.outputDir, join(scene.outputDir, 'neighbour')]) {
      await mkdir(folder, { recursive: true });
      await writeFile(join(folder, 'canary.txt'), `canary of ${relative(root, folder)}`);
    }
    scene.#before = await picture(root);
    return scene;
  }

  /** What has appeared, changed or gone, but for `allowed` paths and what is in them. */
  async touched(allowed: readonly string[]): Promise<string[]> {
    const after = await picture(this.#root);
    const own = allowed.map((path) => relative(this.#root, path));
    const paths = new Set([...this.#before.keys(), ...after.keys()]);
    return [...paths].filter(
      (path) =>
        !own.some((known) => path === known || path.startsWith(`${known}/`)) &&
        this.#before.get(path) !== after.get(path),
    );
  }

  /** What is no plain file, or has more rights than a new file has, in the destination: it must not be there at all. */
  async oddities(destination: string): Promise<string[]> {
    const own = relative(this.#root, destination);
    return [...(await picture(this.#root))]
      .filter(([path, what]) => path.startsWith(`${own}/`) && !/^(?:file [246]{3} |folder)/.test(what))
      .map(([path, what]) => `${path}: ${what}`);
  }
}

/** Each path below `root` with what it is: kind, rights and content. */
export async function picture(root: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const name of await readdir(root, { recursive: true })) {
    const path = join(root, name);
    const facts = await lstat(path);
    const rights = (facts.mode & 0o7777).toString(8);
    if (facts.isSymbolicLink()) found.set(name, `link to ${await readlink(path)}`);
    else if (facts.isDirectory()) found.set(name, 'folder');
    else if (!facts.isFile()) found.set(name, 'neither file nor folder');
    else {
      const hash = createHash('sha256').update(await readFile(path));
      found.set(name, `file ${rights} ${facts.nlink > 1 ? 'linked ' : ''}${hash.digest('hex')}`);
    }
  }
  return found;
}
