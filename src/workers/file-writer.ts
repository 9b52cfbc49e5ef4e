import { closeSync, constants, fdatasync, openSync, rmSync, writeSync } from 'node:fs';
import { DownloadError } from '../core/errors.ts';
import { crc32c } from './crc32c.ts';
import { toFileError } from './file-errors.ts';
import type { StoredPiece } from './protocol.ts';

/** Network chunks are small; the disk is asked once per so many bytes. */
const bufferBytes = 256 * 1024;
/** What comes in one piece of such a length is written from where it lies. */
const directBytes = 32 * 1024;
/** Buffers of finished writers, for the next ones of this thread. */
const spareBuffers: Buffer[] = [];
const spareCount = 8;

/** Never through a link. */
const writing = constants.O_WRONLY | (constants.O_NOFOLLOW ?? 0);

/**
 * Writes a run of bytes to its place in a file, through one large buffer, and keeps their checksum. It writes synchronously:
 * it lives in a thread of the pool, and a system call is cheaper than a turn of the event loop for each.
 */
export class FileWriter {
  readonly #path: string;
  readonly #descriptor: number;
  #buffer: Buffer | undefined;
  #bufferedBytes = 0;
  #position: number;
  #writtenBytes = 0;
  #crc32c = 0;

  private constructor(path: string, flags: number, position: number) {
    this.#path = path;
    this.#position = position;
    try {
      this.#descriptor = openSync(path, flags, 0o666);
    } catch (error) {
      throw toFileError(error, `write ${path}`);
    }
  }

  /** A file that must be new: what is there is never written to. */
  static create(path: string): FileWriter {
    return new FileWriter(path, writing | constants.O_CREAT | constants.O_EXCL, 0);
  }

  /** A new file in place of what an attempt that broke off may have left. */
  static replace(path: string): FileWriter {
    try {
      return FileWriter.create(path);
    } catch (error) {
      if (!(error instanceof DownloadError) || error.details['errno'] !== 'EEXIST') throw error;
      rmSync(path, { force: true });
      return FileWriter.create(path);
    }
  }

  /** A piece of a file, which others may write to elsewhere at the same time unless it is `truncate`d. */
  static at(path: string, position: number, { truncate }: { truncate: boolean }): FileWriter {
    const flags = writing | constants.O_CREAT | (truncate ? constants.O_TRUNC : 0);
    return new FileWriter(path, flags, position);
  }

  /** What is on disk of this run: after `close` all that was given, unless writing failed; undefined when it is nothing. */
  toPiece(file: string, offset: number): StoredPiece | undefined {
    if (this.#writtenBytes === 0) return undefined;
    return { file, offset, length: this.#writtenBytes, crc32c: this.#crc32c };
  }

  /** How many bytes of this run are on their way to the disk. */
  get writtenBytes(): number {
    return this.#writtenBytes;
  }

  /** Where the next bytes may be put by somebody else, who then says how many with `advance`; never empty. */
  room(): Buffer {
    this.#buffer ??= spareBuffers.pop() ?? Buffer.allocUnsafeSlow(bufferBytes);
    return this.#buffer.subarray(this.#bufferedBytes);
  }

  advance(byteCount: number): void {
    this.#bufferedBytes += byteCount;
    if (this.#bufferedBytes === bufferBytes) this.#flush();
  }

  append(chunk: Buffer): void {
    if (this.#bufferedBytes === 0 && chunk.length >= directBytes) {
      this.#write(chunk);
      return;
    }
    this.#buffer ??= spareBuffers.pop() ?? Buffer.allocUnsafeSlow(bufferBytes);
    let taken = 0;
    while (taken < chunk.length) {
      const copied = chunk.copy(this.#buffer, this.#bufferedBytes, taken);
      this.#bufferedBytes += copied;
      taken += copied;
      if (this.#bufferedBytes === bufferBytes) this.#flush();
    }
  }

  /** Writes what is buffered. */
  flush(): void {
    try {
      this.#flush();
    } finally {
      if (this.#buffer !== undefined && spareBuffers.length < spareCount) spareBuffers.push(this.#buffer);
      this.#buffer = undefined;
    }
  }

  /** Writes what is buffered and closes, also when the write fails. */
  close(): void {
    try {
      this.flush();
    } finally {
      closeSync(this.#descriptor);
    }
  }

  /** The same, with all of it put on the disk; a thread of the system waits for that. */
  async closeSynced(): Promise<void> {
    try {
      this.flush();
      await this.#sync();
    } finally {
      this.close();
    }
  }

  /** Thousands of files come here: one promise each, and nothing around it. */
  #sync(): Promise<void> {
    return new Promise((resolve, reject) => {
      fdatasync(this.#descriptor, (error) => {
        if (error === null) resolve();
        else reject(toFileError(error, `write ${this.#path}`));
      });
    });
  }

  #flush(): void {
    if (this.#buffer === undefined || this.#bufferedBytes === 0) return;
    const bytes = this.#buffer.subarray(0, this.#bufferedBytes);
    this.#bufferedBytes = 0;
    this.#write(bytes);
  }

  /** A short write of the system is continued. */
  #write(bytes: Buffer): void {
    let done = 0;
    try {
      while (done < bytes.length) {
        const written = writeSync(this.#descriptor, bytes, done, bytes.length - done, this.#position);
        done += written;
        this.#position += written;
      }
    } catch (error) {
      throw toFileError(error, `write ${this.#path}`);
    } finally {
      this.#crc32c = crc32c(bytes.subarray(0, done), this.#crc32c);
      this.#writtenBytes += done;
    }
  }
}
