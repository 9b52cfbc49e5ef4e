import type { RequestFailed } from './protocol.ts';
import type { RangePromise, RangeRequest, RangeSink } from './range-request.ts';
import { receiveRange } from './receive-range.ts';

const bufferBytes = 256 * 1024;
/** The connection rests while so much waits to be read. */
const highWaterBytes = 2 * bufferBytes;

const nothing: Buffer = Buffer.alloc(0);

/** A range that is read as its reader likes: what has come waits here, and then the connection does. */
export class RangeStream implements RangeSink {
  readonly #began = Promise.withResolvers<RangePromise>();
  readonly #ending = new AbortController();
  /** What has come, and is not in the buffer that is being filled. */
  readonly #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #buffer = nothing;
  #filledBytes = 0;
  #givenBytes = 0;
  #arrival = Promise.withResolvers<void>();
  #drained: PromiseWithResolvers<void> | undefined;
  #end: { error?: unknown } | undefined;

  private constructor() {}

  /** Asks for a range; resolves with the answer's head. */
  static async open(
    request: RangeRequest,
  ): Promise<{ kind: 'stream'; stream: RangeStream; body: RangePromise } | RequestFailed> {
    const stream = new RangeStream();
    const signal = AbortSignal.any([request.signal, stream.#ending.signal]);
    const outcome = receiveRange({ ...request, signal }, stream);
    outcome.then(
      () => stream.#finish({}),
      (error: unknown) => stream.#finish({ error }),
    );
    const first = await Promise.race([stream.#began.promise, outcome]);
    // A small body may have come whole with its head.
    const body = first === 'received' ? await stream.#began.promise : first;
    return body.kind === 'body' ? { kind: 'stream', stream, body } : body;
  }

  /** At least one byte, as they come; none at the end. Rejects with what broke the body. */
  async next(): Promise<Buffer> {
    for (;;) {
      const piece = this.#waiting.shift() ?? this.#giveBuffered();
      if (piece.length > 0) {
        this.#waitingBytes -= piece.length;
        if (this.#waitingBytes < highWaterBytes) this.#drained?.resolve();
        return piece;
      }
      if (this.#end !== undefined) {
        if ('error' in this.#end) throw this.#end.error;
        return nothing;
      }
      await this.#arrival.promise;
    }
  }

  /** Resolves when the connection is free again. */
  async finished(): Promise<void> {
    while (this.#end === undefined) await this.#arrival.promise;
  }

  /** Breaks the request off, if it goes on still. */
  close(): void {
    if (this.#end === undefined) this.#ending.abort();
  }

  onBody(body: RangePromise): void {
    this.#began.resolve(body);
  }

  room(): Buffer {
    if (this.#filledBytes === this.#buffer.length) {
      const rest = this.#giveBuffered();
      if (rest.length > 0) this.#waiting.push(rest);
      // Never one that was used before: its reader may look at it still.
      this.#buffer = Buffer.allocUnsafeSlow(bufferBytes);
      this.#filledBytes = 0;
      this.#givenBytes = 0;
    }
    return this.#buffer.subarray(this.#filledBytes);
  }

  take(byteCount: number): Promise<void> | undefined {
    this.#filledBytes += byteCount;
    this.#waitingBytes += byteCount;
    this.#tell();
    if (this.#waitingBytes < highWaterBytes) return undefined;
    this.#drained ??= this.#awaitDrain();
    return this.#drained.promise;
  }

  #awaitDrain(): PromiseWithResolvers<void> {
    const drained = Promise.withResolvers<void>();
    void drained.promise.then(() => (this.#drained = undefined));
    return drained;
  }

  #giveBuffered(): Buffer {
    const piece = this.#buffer.subarray(this.#givenBytes, this.#filledBytes);
    this.#givenBytes = this.#filledBytes;
    return piece;
  }

  #finish(end: { error?: unknown }): void {
    this.#end = end;
    this.#tell();
  }

  #tell(): void {
    this.#arrival.resolve();
    this.#arrival = Promise.withResolvers();
  }
}
