import { randomUUID } from 'node:crypto';
import { constants, existsSync } from 'node:fs';
import { copyFile, link, mkdir, open, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { checkpointKinds, type CheckpointKey } from './store/checkpoint-store.ts';

/** A marker that the official program looks for in an archive, written last. */
export const completeMarker = 'checkpoint_complete';

/**
 * The folders of checkpoints, `runs/<run id>/<kind>/<name>/`. What is being written or thrown away lies in `staging/`, so
 * that a folder in `runs/` is always whole.
 */
export class CheckpointFiles {
  readonly #runs: string;
  readonly #staging: string;

  constructor(dataDir: string) {
    this.#runs = join(dataDir, 'runs');
    this.#staging = join(dataDir, 'staging');
  }

  directoryOf({ run_id, kind, name }: CheckpointKey): string {
    return join(this.#runs, toFolderName(run_id), kind, name);
  }

  /** An empty folder to write a checkpoint in. */
  async stage(): Promise<string> {
    const directory = join(this.#staging, randomUUID());
    await mkdir(directory, { recursive: true });
    return directory;
  }

  /** Fills a staged folder with the files of a checkpoint; both share what they hold, since files never change. */
  async link(directory: string, staged: string): Promise<void> {
    for (const name of await readdir(directory)) {
      const source = join(directory, name);
      const target = join(staged, name);
      // Not every file system has links.
      await link(source, target).catch(() => copyFile(source, target, constants.COPYFILE_FICLONE));
    }
    await sync(staged);
  }

  /** Marks a staged folder as complete, brings its files to the disk and tells their size. */
  async seal(staged: string): Promise<number> {
    await writeFile(join(staged, completeMarker), '');
    let sizeBytes = 0;
    for (const name of await readdir(staged)) {
      const path = join(staged, name);
      sizeBytes += (await stat(path)).size;
      await sync(path);
    }
    await sync(staged);
    return sizeBytes;
  }

  /**
   * Puts a sealed folder in its place, then `commit` writes its row. A folder that was there is set aside under the
   * revision of its row until then, so that whichever side of `commit` a kill falls on, `recover` finds a whole checkpoint.
   */
  async publish(
    staged: string,
    key: CheckpointKey,
    replacedRevision: string | undefined,
    commit: () => void,
  ): Promise<void> {
    const directory = this.directoryOf(key);
    await mkdir(dirname(directory), { recursive: true });
    const replaced = replacedRevision === undefined ? undefined : asidePath(directory, replacedRevision);
    if (replaced === undefined) await this.#discard(directory);
    else if (existsSync(directory)) await rename(directory, replaced);
    try {
      await rename(staged, directory);
      await sync(dirname(directory));
      commit();
    } catch (error) {
      await this.#discard(directory);
      if (replaced !== undefined && existsSync(replaced)) await rename(replaced, directory);
      throw error;
    }
    if (replaced !== undefined) await this.#discard(replaced);
  }

  /** Removes a folder whose row is gone already. */
  async remove(key: CheckpointKey): Promise<void> {
    await this.#discard(this.directoryOf(key));
  }

  async discardStaged(staged: string): Promise<void> {
    await rm(staged, { recursive: true, force: true });
  }

  /** At start: undoes or completes what a kill interrupted. `revisionOf` tells the revision in the row, if there is one. */
  async recover(
    runIds: readonly string[],
    revisionOf: (key: CheckpointKey) => string | undefined,
  ): Promise<void> {
    await rm(this.#staging, { recursive: true, force: true });
    const idByFolder = new Map(runIds.map((id) => [toFolderName(id), id]));
    for (const runFolder of await listFolder(this.#runs)) {
      const run_id = idByFolder.get(runFolder) ?? runFolder;
      for (const kind of checkpointKinds) {
        const parent = join(this.#runs, runFolder, kind);
        await restoreReplaced(parent, (name) => revisionOf({ run_id, kind, name }));
        for (const name of await listFolder(parent)) {
          const isWanted = !isAside(name) && revisionOf({ run_id, kind, name }) !== undefined;
          if (!isWanted) await rm(join(parent, name), { recursive: true, force: true });
        }
      }
    }
  }

  async #discard(directory: string): Promise<void> {
    if (!existsSync(directory)) return;
    await mkdir(this.#staging, { recursive: true });
    const trash = join(this.#staging, randomUUID());
    await rename(directory, trash);
    await rm(trash, { recursive: true, force: true });
  }
}

/** Windows knows no `:` in names. */
function toFolderName(runId: string): string {
  return runId.replaceAll(':', '_');
}

/** Where a folder waits while another takes its place. No checkpoint's name begins with a dot. */
function asidePath(directory: string, revision: string): string {
  return join(dirname(directory), `.${basename(directory)}.${revision}.replaced`);
}

function isAside(entry: string): boolean {
  return entry.startsWith('.');
}

/** Puts folders back that were set aside for others whose rows were never written. */
async function restoreReplaced(
  parent: string,
  revisionOf: (name: string) => string | undefined,
): Promise<void> {
  for (const entry of await listFolder(parent)) {
    const [, name, revision] = /^\.(.+)\.([0-9a-f]+)\.replaced$/.exec(entry) ?? [];
    if (name === undefined || revisionOf(name) !== revision) continue;
    await rm(join(parent, name), { recursive: true, force: true });
    await rename(join(parent, entry), join(parent, name));
  }
}

async function listFolder(directory: string): Promise<string[]> {
  return existsSync(directory) ? readdir(directory) : [];
}

/** Brings a file or the entries of a folder to the disk; Windows cannot do the latter and needs not. */
async function sync(path: string): Promise<void> {
  const isFolder = (await stat(path)).isDirectory();
  if (isFolder && process.platform === 'win32') return;
  const handle = await open(path, isFolder ? 'r' : 'r+');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
