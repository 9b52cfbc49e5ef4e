import { open } from 'node:fs/promises';
import PQueue from 'p-queue';
import { fileOperation } from './file-errors.ts';
import type { FileWriter } from './file-writer.ts';

/** Files that are synced together share the commits of the file system, and each sync that is asked for alone wakes a thread. */
const filesTogether = 32;
const bytesTogether = 8 * 1024 * 1024;
/** While one group is being synced the next is written to; each file of them is open. */
const groupsAtOnce = 2;

/** Has files that are written put on the disk while others are written, so that there is little to wait for in the end. */
export class SyncQueue {
  readonly #queue = new PQueue({ concurrency: groupsAtOnce });
  readonly #failures: unknown[] = [];
  #group: FileWriter[] = [];
  #groupBytes = 0;

  /** Takes a writer to be synced and closed; what is returned is to be awaited, since the disk is far behind. */
  add(writer: FileWriter): Promise<void> | undefined {
    this.#group.push(writer);
    this.#groupBytes += writer.writtenBytes;
    if (this.#group.length < filesTogether && this.#groupBytes < bytesTogether) return undefined;
    this.#beginSync();
    return this.#queue.size > 0 ? this.#queue.onSizeLessThan(1) : undefined;
  }

  /** Resolves when no file is open any more, whatever became of them. */
  settle(): Promise<void> {
    this.#beginSync();
    return this.#queue.onIdle();
  }

  /** Rejects when something could not be put on the disk. */
  async finish(): Promise<void> {
    await this.settle();
    if (this.#failures.length > 0) throw this.#failures[0];
  }

  #beginSync(): void {
    const group = this.#group;
    if (group.length === 0) return;
    this.#group = [];
    this.#groupBytes = 0;
    void this.#queue.add(async () => {
      const ends = await Promise.allSettled(group.map((writer) => writer.closeSynced()));
      for (const end of ends) if (end.status === 'rejected') this.#failures.push(end.reason);
    });
  }
}

/** A folder, or a file that somebody has written and closed. */
export async function syncPath(path: string, kind: 'file' | 'folder'): Promise<void> {
  // Windows opens no folder.
  if (kind === 'folder' && process.platform === 'win32') return;
  await fileOperation(`write ${path}`, async () => {
    await using handle = await open(path, kind === 'file' ? 'r+' : 'r');
    await handle.sync();
  });
}
