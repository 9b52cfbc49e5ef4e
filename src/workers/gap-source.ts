import { takeExactly, type ByteSource } from './byte-reader.ts';
import { crc32c } from './crc32c.ts';

/** Passes on the bytes of an archive, and keeps the checksum of those between members: headers, padding and the end mark. */
export class GapSource implements ByteSource {
  readonly #source: ByteSource;
  #crc32c = 0;
  /** What is taken now is a member's. */
  isInMember = false;

  constructor(source: ByteSource) {
    this.#source = source;
  }

  take(sizeBytes: number): Promise<Buffer> {
    return takeExactly(this, sizeBytes);
  }

  takeSome(limitBytes: number): Promise<Buffer> | Buffer {
    const piece = this.#source.takeSome(limitBytes);
    if (this.isInMember) return piece;
    return piece instanceof Promise ? piece.then((bytes) => this.#note(bytes)) : this.#note(piece);
  }

  /** Only members are skipped. */
  skip(sizeBytes: number): Promise<void> {
    return this.#source.skip(sizeBytes);
  }

  /** Of the bytes since the last member. */
  finish(): number {
    const found = this.#crc32c;
    this.#crc32c = 0;
    return found;
  }

  #note(bytes: Buffer): Buffer {
    this.#crc32c = crc32c(bytes, this.#crc32c);
    return bytes;
  }
}
