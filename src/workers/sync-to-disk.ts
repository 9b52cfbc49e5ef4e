import { open } from 'node:fs/promises';
import PQueue from 'p-queue';
import { fileOperation } from './file-errors.ts';
import type { FileWriter } from './file-writer.ts';

/** A sync waits for the disk and not for us, and the disk takes several at a time. */
const syncsAtOnce = 8;
/** Each holds a file open. */
const waitingAtMost = 64;

/** Has files that are written put on the disk while others are written, so that there is little to wait for in the end. */
export class SyncQueue {
  readonly #queue = new PQueue({ concurrency: syncsAtOnce });
  readonly #failures: unknown[] = [];

  /** Takes a writer to be synced and closed; resolves when the disk is not far behind. */
  async add(writer: FileWriter): Promise<void> {
    void this.#queue.add(async () => {
      try {
        await writer.closeSynced();
      } catch (error) {
        this.#failures.push(error);
      }
    });
    await this.#queue.onSizeLessThan(waitingAtMost);
  }

  /** Resolves when no file is open any more, whatever became of them. */
  settle(): Promise<void> {
    return this.#queue.onIdle();
  }

  /** Rejects when something could not be put on the disk. */
  async finish(): Promise<void> {
    await this.settle();
    if (this.#failures.length > 0) throw this.#failures[0];
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
