import type { ScannedEntry, StoredPiece, TaskContext } from './protocol.ts';

const batchCount = 200;
const batchMs = 250;

/** What a walk has found and written, told in batches: an archive may have thousands of small members. */
export class FoundMembers {
  readonly #post: TaskContext['post'];
  #entries: ScannedEntry[] = [];
  #pieces: StoredPiece[] = [];
  #toldAt = performance.now();

  constructor(post: TaskContext['post']) {
    this.#post = post;
  }

  add(entry: ScannedEntry, piece?: StoredPiece): void {
    this.#entries.push(entry);
    if (piece !== undefined) this.#pieces.push(piece);
    if (this.#entries.length >= batchCount || performance.now() - this.#toldAt > batchMs) this.tell();
  }

  /** A member of which the walk writes only the first `takenBytes`: others can begin with the rest. */
  tellLong(entry: ScannedEntry, takenBytes: number): void {
    this.#entries.push(entry);
    this.#tell(takenBytes);
  }

  addPiece(piece: StoredPiece | undefined): void {
    if (piece !== undefined) this.#pieces.push(piece);
    this.tell();
  }

  tell(): void {
    if (this.#entries.length + this.#pieces.length > 0) this.#tell();
  }

  #tell(takenBytes?: number): void {
    this.#post({ type: 'entries', entries: this.#entries, pieces: this.#pieces, takenBytes });
    this.#entries = [];
    this.#pieces = [];
    this.#toldAt = performance.now();
  }
}
