import { InternalError } from '../core/errors.ts';
import { FileWriter } from './file-writer.ts';
import { archiveFile, type FetchInput, type FetchOutcome, type TaskContext } from './protocol.ts';
import { toRequestFailed, type RangePromise, type RangeSink } from './range-request.ts';
import { receiveRange } from './receive-range.ts';
import { ReceivedMeter } from './received-meter.ts';

/**
 * Fetches one piece of an object to its place in a file. What came of it is told as a piece, also when it broke off: unless
 * the server gave the object from its start, which nothing can be put behind.
 */
export async function fetchPiece(
  { url, known, file, path, offset, objectOffset, length, stallTimeoutMs }: FetchInput,
  { signal, post }: TaskContext,
): Promise<FetchOutcome> {
  const piece = new PieceSink(path, offset, known === undefined, post);
  let isComplete = false;
  try {
    const request = { url, known, start: objectOffset, length, signal, stallTimeoutMs };
    const outcome = await receiveRange(request, piece);
    isComplete = outcome === 'received';
    return outcome === 'received' ? { kind: 'fetched', whole: piece.whole } : outcome;
  } catch (error) {
    return toRequestFailed(error, url, signal);
  } finally {
    await piece.finish(file, isComplete);
  }
}

/** One run of bytes in a file, which is opened when the first of them are sure to come. */
class PieceSink implements RangeSink {
  readonly #path: string;
  readonly #offset: number;
  readonly #isFirst: boolean;
  readonly #post: TaskContext['post'];
  readonly #meter: ReceivedMeter;
  #writer: FileWriter | undefined;
  /** The server gives the object from start to end. */
  whole = false;

  constructor(path: string, offset: number, isFirst: boolean, post: TaskContext['post']) {
    this.#path = path;
    this.#offset = offset;
    this.#isFirst = isFirst;
    this.#post = post;
    this.#meter = new ReceivedMeter(post);
  }

  onBody({ facts, whole }: RangePromise): void {
    this.whole = whole;
    this.#post({ type: 'object', facts, whole });
    this.#writer = FileWriter.at(this.#path, this.#offset, { truncate: this.#isFirst });
  }

  room(): Buffer {
    return this.#opened().room();
  }

  take(byteCount: number): undefined {
    this.#meter.add(byteCount);
    this.#opened().advance(byteCount);
  }

  /**
   * Closes the file and tells the piece that is there, if it is of use: behind what broke off of a whole object nothing can be
   * put. A complete one is put on the disk, while others arrive: in the end there is little left to wait for.
   */
  async finish(file: string, isComplete: boolean): Promise<void> {
    this.#meter.finish();
    const writer = this.#writer;
    if (writer === undefined) return;
    try {
      if (isComplete && file !== archiveFile) await writer.closeSynced();
      else writer.close();
    } finally {
      const piece = writer.toPiece(file, this.#offset);
      if (piece !== undefined && (isComplete || !this.whole)) this.#post({ type: 'pieces', pieces: [piece] });
    }
  }

  #opened(): FileWriter {
    if (this.#writer === undefined) throw new InternalError('bytes came before their head');
    return this.#writer;
  }
}
