import { fstatSync, writeSync } from 'node:fs';
import { exitCodes } from './exit-codes.ts';

// Node's streams for standard output and error take longer to load than the parser, so help goes around them.

/** Writes now. What the system does not take goes through the stream all the same. */
export function writeDirectly(name: 'stdout' | 'stderr', text: string): void {
  let rest = Buffer.from(text);
  try {
    while (rest.length > 0) rest = rest.subarray(writeSync(name === 'stdout' ? 1 : 2, rest));
  } catch {
    endQuietlyWhenOutputCloses();
    process[name].write(rest);
  }
}

/** Columns of the terminal that standard output is; 80 where it is none. */
export function outputWidth(): number {
  return (fstatSync(1).isCharacterDevice() && process.stdout.columns) || 80;
}

/** Whether standard output goes into a file, which nobody reads meanwhile. */
export function isOutputFile(): boolean {
  return fstatSync(1).isFile();
}

/** `tinker-ts run list | head` closes our output while we write: that is no failure. May be called again. */
export function endQuietlyWhenOutputCloses(): void {
  for (const stream of [process.stdout, process.stderr])
    stream.off('error', endQuietly).on('error', endQuietly);
}

function endQuietly(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
  process.exit(exitCodes.ok);
}
