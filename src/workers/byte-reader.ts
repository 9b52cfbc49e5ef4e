/** Reads exact amounts from a stream of chunks, without copying where a chunk suffices. */
export class ByteReader {
  readonly #source: AsyncIterator<Buffer>;
  #chunk: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Buffer>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** The next `sizeBytes` bytes; fewer, possibly none, where the stream ends. */
  async take(sizeBytes: number): Promise<Buffer> {
    const first = await this.takeSome(sizeBytes);
    if (first.length === sizeBytes || first.length === 0) return first;
    const pieces = [first];
    for (let missing = sizeBytes - first.length; missing > 0;) {
      const piece = await this.takeSome(missing);
      if (piece.length === 0) break;
      pieces.push(piece);
      missing -= piece.length;
    }
    return Buffer.concat(pieces);
  }

  /** At least one byte and at most `limitBytes`, as they come; none at the end of the stream. */
  async takeSome(limitBytes: number): Promise<Buffer> {
    while (this.#chunk.length === 0) {
      const next = await this.#source.next();
      if (next.done === true) return this.#chunk;
      this.#chunk = next.value;
    }
    const piece = this.#chunk.subarray(0, limitBytes);
    this.#chunk = this.#chunk.subarray(piece.length);
    return piece;
  }
}
