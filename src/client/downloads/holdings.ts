import { combineCrc32c } from '../../workers/combine-crc32c.ts';
import {
  archiveFile,
  type ObjectChecksums,
  type ObjectFacts,
  type PlacedFile,
  type ScannedEntry,
  type StoredPiece,
} from '../../workers/protocol.ts';

/** The archive among the objects of a download; a file of an export has its own name. */
export const archiveObject = '';

/** A run of bytes of a file, and where the object has them. */
export interface Missing {
  file: string;
  offset: number;
  objectOffset: number;
  length: number;
}

interface HeldFile {
  object: string;
  objectOffset: number;
  sizeBytes: number;
  /** On disk, in no order. */
  pieces: StoredPiece[];
}

/** What one download knows of its objects and has of its files: pure, and all that a journal keeps. */
export class Holdings {
  /** Strong facts of objects, under which what is here may be continued. */
  readonly objects = new Map<string, ObjectFacts>();
  /** Checksums of whole objects, as the server gave them. */
  readonly checksums = new Map<string, ObjectChecksums>();
  /** Members of the archive, in its order. */
  readonly entries: ScannedEntry[] = [];
  readonly #files = new Map<string, HeldFile>();
  /** The walk over the archive's headers is done. */
  scanned = false;
  /** The archive goes to disk as it is. */
  packed = false;

  /** Whether a later attempt could go on from here. */
  get isResumable(): boolean {
    return this.objects.size > 0 && this.receivedBytes > 0;
  }

  get isEmpty(): boolean {
    return this.objects.size === 0 && this.#files.size === 0;
  }

  get receivedBytes(): number {
    let bytes = 0;
    for (const { pieces } of this.#files.values()) for (const { length } of pieces) bytes += length;
    return bytes + this.#headerBytes();
  }

  addEntry(entry: ScannedEntry): void {
    this.entries.push(entry);
    if (entry.kind === 'file') this.addFile(entry.name, archiveObject, entry.offset, entry.sizeBytes);
  }

  addFile(name: string, object: string, objectOffset: number, sizeBytes: number): void {
    if (!this.#files.has(name)) this.#files.set(name, { object, objectOffset, sizeBytes, pieces: [] });
  }

  has(name: string): boolean {
    return this.#files.has(name);
  }

  objectOf(name: string): string | undefined {
    return this.#files.get(name)?.object;
  }

  addPiece(piece: StoredPiece): void {
    this.#files.get(piece.file)?.pieces.push(piece);
  }

  pieces(): StoredPiece[] {
    return [...this.#files.values()].flatMap(({ pieces }) => pieces);
  }

  /** Only these are to count. */
  keepPieces(kept: readonly StoredPiece[]): void {
    for (const file of this.#files.values()) file.pieces = [];
    for (const piece of kept) this.addPiece(piece);
  }

  /** What is still to be fetched of one file, or of all. */
  missing(only?: string): Missing[] {
    const found: Missing[] = [];
    for (const [file, { objectOffset, sizeBytes, pieces }] of this.#files) {
      if (only !== undefined && file !== only) continue;
      let offset = 0;
      const add = (end: number): void => {
        if (end > offset)
          found.push({ file, offset, objectOffset: objectOffset + offset, length: end - offset });
      };
      for (const piece of inOrder(pieces)) {
        add(piece.offset);
        offset = Math.max(offset, piece.offset + piece.length);
      }
      add(sizeBytes);
    }
    return found;
  }

  /** The files that are complete, in the order in which they were found, with the checksum of each. */
  placed(): Array<PlacedFile & { checksums?: ObjectChecksums | undefined }> {
    return [...this.#files]
      .filter(([name]) => name !== archiveFile)
      .map(([name, { object, sizeBytes, pieces }]) => ({
        name,
        size_bytes: sizeBytes,
        crc32c: checksumOf(pieces),
        // Those of an archive are not those of its members.
        checksums: object === archiveObject ? undefined : this.checksums.get(object),
      }));
  }

  /** The checksum of the archive as it lies on disk. */
  archiveChecksum(): number {
    return checksumOf(this.#files.get(archiveFile)?.pieces ?? []);
  }

  /** Headers and padding that the walk has read. */
  #headerBytes(): number {
    const last = this.entries.at(-1);
    if (last === undefined) return 0;
    return this.entries.reduce((sum, { sizeBytes }) => sum - sizeBytes, last.next);
  }
}

function inOrder(pieces: readonly StoredPiece[]): StoredPiece[] {
  return pieces.toSorted((a, b) => a.offset - b.offset);
}

function checksumOf(pieces: readonly StoredPiece[]): number {
  return inOrder(pieces).reduce((sum, { crc32c, length }) => combineCrc32c(sum, crc32c, length), 0);
}
