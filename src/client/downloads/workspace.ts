import { readdir, rename, rm, rmdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Logger } from '../../core/logger.ts';
import { fileOperation } from '../../workers/file-errors.ts';
import { archiveFile } from '../../workers/protocol.ts';
import type { DownloadTarget } from './download-target.ts';
import { isThere, removeQuietly } from './place-folder.ts';
import { takeLock, wasLocked } from './workspace-lock.ts';

/** The folder in which everything unfinished of one download lies. One process has it at a time. */
export class Workspace {
  readonly root: string;
  /** What will become the destination. */
  readonly filesFolder: string;
  readonly archivePath: string;
  readonly journalPath: string;
  /** Where an old destination goes until the new one is in its place. */
  readonly asidePath: string;
  readonly #target: DownloadTarget;
  readonly #logger: Logger;

  private constructor(root: string, target: DownloadTarget, logger: Logger) {
    this.root = root;
    this.filesFolder = join(root, 'files');
    this.archivePath = join(root, 'archive.part');
    this.journalPath = join(root, 'journal.jsonl');
    this.asidePath = join(root, 'replaced');
    this.#target = target;
    this.#logger = logger;
  }

  /** Takes the workspace of a target, with what an ended process has left in it; or a private one where another process is at it. */
  static async acquire(target: DownloadTarget, id: string, logger: Logger): Promise<Workspace> {
    const shared = target.workspacePath;
    if (await takeLock(shared, id)) return new Workspace(shared, target, logger);
    logger.info(`another download to ${target.destination} is under way: this one works beside it`);
    const own = target.privateWorkspacePath(id);
    // Nobody else knows its name.
    await takeLock(own, id);
    return new Workspace(own, target, logger);
  }

  /** Removes what killed processes have left beside a destination that is in its place; what can be gone on with stays. */
  static async clearFinished(target: DownloadTarget, id: string, logger: Logger): Promise<void> {
    await sweep(target, id, logger);
    if (!(await isThere(target.workspacePath)) || !(await takeLock(target.workspacePath, id))) return;
    const workspace = new Workspace(target.workspacePath, target, logger);
    const held = await Promise.all([isThere(workspace.filesFolder), isThere(workspace.archivePath)]);
    await workspace.release({ keep: held.includes(true) });
  }

  /** Where a file of the download lies, by the name that pieces have. */
  pathOf(file: string): string {
    return file === archiveFile ? this.archivePath : join(this.filesFolder, file);
  }

  /** Throws away what was fetched. */
  async empty(): Promise<void> {
    for (const path of [this.filesFolder, this.archivePath, this.journalPath])
      await fileOperation(`remove ${path}`, () => rm(path, { recursive: true, force: true }));
  }

  /** Gives it up: with what it holds for a later attempt, or with nothing left of it. A private one nobody would find again. */
  async release({ keep }: { keep: boolean }): Promise<void> {
    if (keep && this.root === this.#target.workspacePath)
      await removeQuietly(join(this.root, 'lock'), this.#logger);
    else await discard(this.root, this.#target, this.#logger);
  }
}

/** Removes a workspace. Moved first: nobody may take it while it is being removed. */
async function discard(root: string, { removedPath }: DownloadTarget, logger: Logger): Promise<void> {
  const move = () =>
    rename(root, removedPath).then(
      () => true,
      () => false,
    );
  if (await move()) return removeQuietly(removedPath, logger);
  // A killed process has left one there, or a living one is about to remove it.
  await removeQuietly(removedPath, logger);
  await removeQuietly((await move()) ? removedPath : root, logger);
}

/** Removes what processes that were killed have left of this target under other names than the workspace's. */
async function sweep(target: DownloadTarget, id: string, logger: Logger): Promise<void> {
  await removeQuietly(target.removedPath, logger);
  const prefix = basename(target.privateWorkspacePath(''));
  const names = await readdir(target.outputDir).catch(() => []);
  for (const name of names.filter((other) => other.startsWith(prefix))) {
    const root = join(target.outputDir, name);
    // Without a lock it is empty still, or nothing of ours.
    if (!(await wasLocked(root))) await rmdir(root).catch(() => undefined);
    else if (await takeLock(root, id)) await discard(root, target, logger);
  }
}
