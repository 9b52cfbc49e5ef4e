import { takeExactly, type ByteSource } from './byte-reader.ts';
import type { ObjectFacts, RequestFailed } from './protocol.ts';
import { toCutError } from './range-request.ts';
import { RangeStream } from './range-stream.ts';

/** How much the first request of a run asks for; four times as much as the last when that was read to its end. */
export const firstWindowBytes = 8 * 1024 * 1024;
const largestWindowBytes = 8 * firstWindowBytes;

const nothing: Buffer = Buffer.alloc(0);

/** A request for a window that got no body: thrown through the readers above, which know nothing of requests. */
export class WindowRefused extends Error {
  readonly outcome: RequestFailed;

  constructor(outcome: RequestFailed) {
    super(`a range was not to be had: ${outcome.kind}`);
    this.outcome = outcome;
  }
}

export interface RangeReaderOptions {
  url: string;
  known: ObjectFacts;
  start: number;
  signal: AbortSignal;
  stallTimeoutMs: number;
  onReceived: (bytes: number) => void;
}

/** A window that is open, and how many bytes it has. */
export interface Window {
  stream: RangeStream;
  bytes: number;
}

/** Reads an object in order through windows: ranges that are read to their end, so that a jump costs no connection. */
export class RangeReader implements ByteSource {
  readonly #options: RangeReaderOptions;
  #position: number;
  #chunk = nothing;
  #stream: RangeStream | undefined;
  /** How much of the window has not come from the connection yet. */
  #comingBytes = 0;
  #windowBytes = firstWindowBytes;
  #windowEnd: number;

  constructor(options: RangeReaderOptions, first?: Window) {
    this.#options = options;
    this.#position = options.start;
    this.#windowEnd = options.start;
    if (first !== undefined) this.#open(first);
  }

  /** Where in the object the next byte comes from. */
  get position(): number {
    return this.#position;
  }

  /** How many bytes can be had without another request. */
  get windowLeft(): number {
    return this.#chunk.length + this.#comingBytes;
  }

  take(sizeBytes: number): Promise<Buffer> {
    return takeExactly(this, sizeBytes);
  }

  takeSome(limitBytes: number): Promise<Buffer> | Buffer {
    return this.#chunk.length > 0 || limitBytes === 0 ? this.#cut(limitBytes) : this.#await(limitBytes);
  }

  /** Gives back what was taken last, to be taken again. */
  putBack(bytes: Buffer): void {
    this.#chunk = Buffer.concat([bytes, this.#chunk]);
    this.#position -= bytes.length;
  }

  /** Beyond the window it costs nothing: the next one begins there. */
  async skip(sizeBytes: number): Promise<void> {
    let left = sizeBytes;
    while (left > 0 && this.windowLeft > 0) left -= (await this.takeSome(left)).length;
    if (left === 0) return;
    this.#position += left;
    this.#windowBytes = firstWindowBytes;
  }

  close(): void {
    this.#stream?.close();
  }

  async #await(limitBytes: number): Promise<Buffer> {
    while (this.#chunk.length === 0) {
      if (this.#comingBytes === 0 && !(await this.#openNext())) return nothing;
      const next = (await this.#stream?.next()) ?? nothing;
      if (next.length === 0 || next.length > this.#comingBytes)
        throw toCutError(this.#options.url, this.#position, this.#windowEnd);
      this.#options.onReceived(next.length);
      this.#comingBytes -= next.length;
      this.#chunk = next;
    }
    return this.#cut(limitBytes);
  }

  #cut(limitBytes: number): Buffer {
    const piece = this.#chunk.subarray(0, limitBytes);
    this.#chunk = this.#chunk.subarray(piece.length);
    this.#position += piece.length;
    return piece;
  }

  async #openNext(): Promise<boolean> {
    const { url, known, signal, stallTimeoutMs } = this.#options;
    const objectBytes = known.sizeBytes ?? 0;
    if (this.#position >= objectBytes) return false;
    // Then its connection is free for the next request.
    await this.#stream?.finished();
    if (this.#position === this.#windowEnd)
      this.#windowBytes = Math.min(this.#windowBytes * 4, largestWindowBytes);
    const length = Math.min(this.#windowBytes, objectBytes - this.#position);
    const opened = await RangeStream.open({
      url,
      known,
      start: this.#position,
      length,
      signal,
      stallTimeoutMs,
    });
    if (opened.kind !== 'stream') throw new WindowRefused(opened);
    this.#open({ stream: opened.stream, bytes: opened.body.bytes ?? 0 });
    return true;
  }

  #open({ stream, bytes }: Window): void {
    this.#stream = stream;
    this.#comingBytes = bytes;
    this.#windowEnd = this.#position + bytes;
  }
}
