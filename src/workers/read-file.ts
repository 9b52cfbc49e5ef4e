import { closeSync, openSync, readSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { toFileError } from './file-errors.ts';

const readBytes = 1024 * 1024;

/**
 * Calls `onChunk` for the bytes of a file from `start` on, at most `length` of them; how many there were comes back. The chunk
 * is used again after the call. Other tasks of the thread have their turn between chunks.
 */
export async function readFileChunks(
  path: string,
  {
    start = 0,
    length = Number.POSITIVE_INFINITY,
    signal,
  }: { start?: number; length?: number; signal: AbortSignal },
  onChunk: (chunk: Buffer) => void,
): Promise<number> {
  let descriptor: number | undefined;
  const buffer = Buffer.allocUnsafe(Math.min(readBytes, length));
  let done = 0;
  try {
    descriptor = openSync(path, 'r');
    while (done < length) {
      signal.throwIfAborted();
      const count = readSync(descriptor, buffer, 0, Math.min(buffer.length, length - done), start + done);
      if (count === 0) break;
      onChunk(buffer.subarray(0, count));
      done += count;
      await setImmediate();
    }
    return done;
  } catch (error) {
    throw signal.aborted ? error : toFileError(error, `read ${path}`);
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}
