import { constants, open, type FileHandle } from 'node:fs/promises';
import { fileOperation } from './file-errors.ts';

/** Network chunks are small; the disk is asked once per so many bytes. */
const bufferBytes = 1024 * 1024;

/** Writes all of `bytes` at `position`; a short write of the system is continued. */
export async function writeFully(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  let done = 0;
  while (done < bytes.length) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}

/** The file an archive is fetched into: appended to through one buffer, so that memory stays flat. */
export class PartFile {
  readonly #path: string;
  readonly #handle: FileHandle;
  readonly #buffer = Buffer.allocUnsafe(bufferBytes);
  #bufferedBytes = 0;
  #writtenBytes: number;

  private constructor(path: string, handle: FileHandle, writtenBytes: number) {
    this.#path = path;
    this.#handle = handle;
    this.#writtenBytes = writtenBytes;
  }

  /** Opens the part to go on after what it holds, or emptied when it is not to be continued. */
  static async open(path: string, { resume }: { resume: boolean }): Promise<PartFile> {
    return fileOperation(`write ${path}`, async () => {
      // Not append mode: there, Linux ignores the position of a write.
      const handle = await open(
        path,
        constants.O_WRONLY | constants.O_CREAT | (resume ? 0 : constants.O_TRUNC),
      );
      return new PartFile(path, handle, (await handle.stat()).size);
    });
  }

  /** Bytes taken so far, those of earlier attempts included. */
  get sizeBytes(): number {
    return this.#writtenBytes + this.#bufferedBytes;
  }

  async append(chunk: Uint8Array): Promise<void> {
    let taken = 0;
    while (taken < chunk.length) {
      const piece = chunk.subarray(taken, taken + bufferBytes - this.#bufferedBytes);
      this.#buffer.set(piece, this.#bufferedBytes);
      this.#bufferedBytes += piece.length;
      taken += piece.length;
      if (this.#bufferedBytes === bufferBytes) await this.flush();
    }
  }

  async flush(): Promise<void> {
    if (this.#bufferedBytes === 0) return;
    const bytes = this.#buffer.subarray(0, this.#bufferedBytes);
    this.#bufferedBytes = 0;
    await fileOperation(`write ${this.#path}`, () => writeFully(this.#handle, bytes, this.#writtenBytes));
    this.#writtenBytes += bytes.length;
  }

  /** Writes what is buffered and closes, also when the write fails. */
  async close(): Promise<void> {
    try {
      await this.flush();
    } finally {
      await this.#handle.close();
    }
  }
}
