import { lstat, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { DownloadError } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import { fileOperation } from '../../workers/file-errors.ts';
import { archiveFile } from '../../workers/protocol.ts';
import type { DownloadTarget } from './download-target.ts';
import { removeQuietly } from './place-folder.ts';

/** A lock takes no longer to be written. */
const writingMs = 10_000;

interface LockHolder {
  pid: number;
  host: string;
  id: string;
}

/** The folder in which everything unfinished of one download lies. One process has it at a time. */
export class Workspace {
  readonly root: string;
  /** What will become the destination. */
  readonly filesFolder: string;
  readonly archivePath: string;
  readonly journalPath: string;
  /** Where an old destination goes until the new one is in its place. */
  readonly asidePath: string;
  /** Where nobody else looks: where it lies when another process had the common one, and where it goes to be removed. */
  readonly #privatePath: string;
  readonly #logger: Logger;

  private constructor(root: string, privatePath: string, logger: Logger) {
    this.root = root;
    this.filesFolder = join(root, 'files');
    this.archivePath = join(root, 'archive.part');
    this.journalPath = join(root, 'journal.jsonl');
    this.asidePath = join(root, 'replaced');
    this.#privatePath = privatePath;
    this.#logger = logger;
  }

  /** Takes the workspace of a target, with what an ended process has left in it; or a private one where another process is at it. */
  static async acquire(target: DownloadTarget, id: string, logger: Logger): Promise<Workspace> {
    const own = target.privateWorkspacePath(id);
    const shared = new Workspace(target.workspacePath, own, logger);
    if (await takeLock(shared.root, id)) return shared;
    logger.info(`another download to ${target.destination} is under way: this one works beside it`);
    await makeFolder(own);
    return new Workspace(own, own, logger);
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

  /** Gives it up: with what it holds for a later attempt, or with nothing left of it. */
  async release({ keep }: { keep: boolean }): Promise<void> {
    if (keep && this.root !== this.#privatePath) {
      await removeQuietly(join(this.root, 'lock'), this.#logger);
      return;
    }
    // Moved first: nobody may take the folder while it is being removed.
    const isMoved =
      this.root === this.#privatePath ||
      (await rename(this.root, this.#privatePath).then(
        () => true,
        () => false,
      ));
    await removeQuietly(isMoved ? this.#privatePath : this.root, this.#logger);
  }
}

async function makeFolder(path: string): Promise<void> {
  await fileOperation(`create ${path}`, () => mkdir(path, { recursive: true }));
  // A link would lead the files elsewhere.
  const found = await fileOperation(`look at ${path}`, () => lstat(path));
  if (!found.isDirectory())
    throw new DownloadError('file_access', `Cannot write to ${path}: something of that name is in the way`);
}

async function takeLock(root: string, id: string): Promise<boolean> {
  const path = join(root, 'lock');
  const holder = { pid: process.pid, host: hostname(), id } satisfies LockHolder;
  for (let attempt = 0; attempt < 5; attempt++) {
    await makeFolder(root);
    const made = await createLock(path, holder);
    if (made === 'made') return true;
    const other = made === 'gone' ? undefined : await readLock(path);
    if (other === undefined) continue;
    if (isAlive(other)) return false;
    // Whoever moves it away has it; a lock that was made meanwhile is not the dead one, and is put back.
    const aside = join(root, `lock-${id}`);
    await rename(path, aside).catch(() => undefined);
    const moved = await readLock(aside);
    if (moved !== undefined && moved.id !== other.id) {
      await rename(aside, path);
      return false;
    }
    await rm(aside, { force: true });
  }
  return false;
}

/** `gone`: the folder was removed meanwhile. */
async function createLock(path: string, holder: LockHolder): Promise<'made' | 'held' | 'gone'> {
  try {
    await using handle = await fileOperation(`create ${path}`, () => open(path, 'wx'));
    await handle.writeFile(JSON.stringify(holder));
    return 'made';
  } catch (error) {
    const errno = error instanceof DownloadError ? error.details['errno'] : undefined;
    if (errno === 'EEXIST') return 'held';
    if (errno === 'ENOENT') return 'gone';
    throw error;
  }
}

/** Undefined when it is not there. */
async function readLock(path: string): Promise<LockHolder | undefined> {
  try {
    const { mtimeMs } = await lstat(path);
    const holder = parseHolder(await readFile(path, 'utf8'));
    // One that says nothing is being written this moment, or was left so.
    return holder ?? { pid: Date.now() - mtimeMs < writingMs ? process.pid : 0, host: hostname(), id: '' };
  } catch {
    return undefined;
  }
}

function parseHolder(text: string): LockHolder | undefined {
  try {
    return JSON.parse(text) as LockHolder;
  } catch {
    return undefined;
  }
}

/** Of another machine nobody can tell: it is taken to live. */
function isAlive({ pid, host }: LockHolder): boolean {
  if (host !== hostname()) return true;
  if (pid === 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
