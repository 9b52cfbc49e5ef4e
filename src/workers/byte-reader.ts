/** Bytes in order, taken in exact amounts; what was taken is there until more is. */
export interface ByteSource {
  /** The next `sizeBytes` bytes; fewer, possibly none, where the bytes end. */
  take: (sizeBytes: number) => Promise<Buffer>;
  /** At least one byte and at most `limitBytes`, as they come; none at the end. What is there already needs no promise. */
  takeSome: (limitBytes: number) => Promise<Buffer> | Buffer;
  /** Passes over so many bytes; the end may be passed. */
  skip: (sizeBytes: number) => Promise<void>;
}

/** Reads exact amounts from a stream of chunks, without copying where a chunk suffices. */
export class ByteReader implements ByteSource {
  readonly #source: AsyncIterator<Buffer>;
  #chunk: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Buffer>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  take(sizeBytes: number): Promise<Buffer> {
    return takeExactly(this, sizeBytes);
  }

  takeSome(limitBytes: number): Promise<Buffer> | Buffer {
    return this.#chunk.length > 0 ? this.#cut(limitBytes) : this.#await(limitBytes);
  }

  async skip(sizeBytes: number): Promise<void> {
    for (let left = sizeBytes; left > 0;) {
      const piece = await this.takeSome(left);
      if (piece.length === 0) return;
      left -= piece.length;
    }
  }

  async #await(limitBytes: number): Promise<Buffer> {
    while (this.#chunk.length === 0) {
      const next = await this.#source.next();
      if (next.done === true) break;
      this.#chunk = next.value;
    }
    return this.#cut(limitBytes);
  }

  #cut(limitBytes: number): Buffer {
    const piece = this.#chunk.subarray(0, limitBytes);
    this.#chunk = this.#chunk.subarray(piece.length);
    return piece;
  }
}

export async function takeExactly(source: Pick<ByteSource, 'takeSome'>, sizeBytes: number): Promise<Buffer> {
  const first = await source.takeSome(sizeBytes);
  if (first.length === sizeBytes || first.length === 0) return first;
  // Copied before more is asked for: the source may use its memory again.
  const whole = Buffer.allocUnsafe(sizeBytes);
  let done = first.copy(whole);
  while (done < sizeBytes) {
    const piece = await source.takeSome(sizeBytes - done);
    if (piece.length === 0) break;
    done += piece.copy(whole, done);
  }
  return whole.subarray(0, done);
}
