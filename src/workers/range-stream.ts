import type { RequestFailed } from './protocol.ts';
import type { RangePromise, RangeRequest, RangeSink } from './range-request.ts';
import { receiveRange } from './receive-range.ts';

const bufferBytes = 128 * 1024;
/** Buffers that are read, for the next ones of this thread: what is left to the garbage collector piles up by tens of megabytes. */
const spareBuffers: Buffer[] = [];
const spareCount = 16;
/** The connection rests while so much waits to be read. */
const highWaterBytes = 2 * bufferBytes;

/** The reader hears of so much as soon as it has come. */
const toldTogetherBytes = 64 * 1024;

const nothing: Buffer = Buffer.alloc(0);

interface Block {
  buffer: Buffer;
  filledBytes: number;
  readBytes: number;
}

/** A range that is read as its reader likes: what has come waits here, and then the connection does. */
export class RangeStream implements RangeSink {
  readonly #began = Promise.withResolvers<RangePromise>();
  readonly #ending = new AbortController();
  /** The first is being read, the last filled. */
  readonly #blocks: Block[] = [];
  #waitingBytes = 0;
  /** Of somebody who waits for bytes or for the end. */
  #arrival: PromiseWithResolvers<void> | undefined;
  #telling: NodeJS.Immediate | undefined;
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

  /** At least one byte, as they come, there until the next call; none at the end. Rejects with what broke the body. */
  async next(): Promise<Buffer> {
    for (;;) {
      const block = this.#blocks[0];
      if (block !== undefined && block.readBytes < block.filledBytes) return this.#read(block);
      if (block?.readBytes === bufferBytes || (block !== undefined && this.#end !== undefined)) {
        this.#blocks.shift();
        if (spareBuffers.length < spareCount) spareBuffers.push(block.buffer);
      } else if (this.#end === undefined) {
        await this.#nextArrival();
      } else {
        if ('error' in this.#end) throw this.#end.error;
        return nothing;
      }
    }
  }

  /** Resolves when the connection is free again. */
  async finished(): Promise<void> {
    while (this.#end === undefined) await this.#nextArrival();
  }

  /** Breaks the request off, if it goes on still. */
  close(): void {
    if (this.#end === undefined) this.#ending.abort();
  }

  onBody(body: RangePromise): void {
    this.#began.resolve(body);
  }

  room(): Buffer {
    let block = this.#blocks.at(-1);
    if (block === undefined || block.filledBytes === bufferBytes) {
      const buffer = spareBuffers.pop() ?? Buffer.allocUnsafeSlow(bufferBytes);
      block = { buffer, filledBytes: 0, readBytes: 0 };
      this.#blocks.push(block);
    }
    return block.buffer.subarray(block.filledBytes);
  }

  take(byteCount: number): Promise<void> | undefined {
    const block = this.#blocks.at(-1);
    if (block !== undefined) block.filledBytes += byteCount;
    this.#waitingBytes += byteCount;
    this.#tell();
    if (this.#waitingBytes < highWaterBytes) return undefined;
    this.#drained ??= this.#awaitDrain();
    return this.#drained.promise;
  }

  #read(block: Block): Buffer {
    const piece = block.buffer.subarray(block.readBytes, block.filledBytes);
    block.readBytes = block.filledBytes;
    this.#waitingBytes -= piece.length;
    if (this.#waitingBytes < highWaterBytes) this.#drained?.resolve();
    return piece;
  }

  #awaitDrain(): PromiseWithResolvers<void> {
    const drained = Promise.withResolvers<void>();
    void drained.promise.then(() => (this.#drained = undefined));
    return drained;
  }

  #finish(end: { error?: unknown }): void {
    this.#end = end;
    this.#tell();
  }

  #nextArrival(): Promise<void> {
    this.#arrival ??= Promise.withResolvers();
    return this.#arrival.promise;
  }

  /**
   * What has come with one look at the connection is told at once, since over TLS these are many pieces of 16 KB; but not more
   * than this, because everything that waits takes memory.
   */
  #tell(): void {
    if (this.#waitingBytes >= toldTogetherBytes) this.#tellNow();
    else this.#telling ??= setImmediate(() => this.#tellNow());
  }

  #tellNow(): void {
    clearImmediate(this.#telling);
    this.#telling = undefined;
    this.#arrival?.resolve();
    this.#arrival = undefined;
  }
}
