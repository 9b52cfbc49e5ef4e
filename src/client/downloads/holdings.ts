import { combineCrc32c } from '../../workers/combine-crc32c.ts';
import {
  archiveFile,
  type ObjectChecksums,
  type ObjectFacts,
  type PlacedFile,
  type Run,
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
  /** Of what follows the content of the last member; known when it is done. */
  endCrc32c = 0;
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

  /** Of an archive on disk: what was written, and what the server says where it does. */
  archiveChecksums(): { crc32c: number; checksums: ObjectChecksums } | undefined {
    const checksums = this.checksums.get(archiveObject);
    const { pieces = [] } = this.#files.get(archiveFile) ?? {};
    return checksums === undefined ? undefined : { crc32c: checksumOf(pieces), checksums };
  }

  /** All bytes of an archive that was unpacked on its way, in their order, where the server says their CRC-32C. */
  archiveRuns(): { runs: Run[]; crc32c: string } | undefined {
    const { crc32c } = this.checksums.get(archiveObject) ?? {};
    const { sizeBytes } = this.objects.get(archiveObject) ?? {};
    if (crc32c === undefined || sizeBytes === undefined || !this.scanned) return undefined;
    let end = 0;
    const runs: Run[] = [];
    for (const entry of this.entries) {
      runs.push({ length: entry.offset - end, crc32c: entry.gapCrc32c });
      for (const piece of inOrder(this.#files.get(entry.name)?.pieces ?? [])) runs.push(piece);
      end = entry.offset + entry.sizeBytes;
    }
    runs.push({ length: sizeBytes - end, crc32c: this.endCrc32c });
    return { runs, crc32c };
  }

  /** Headers and padding that the walk has read. */
  #headerBytes(): number {
    const last = this.entries.at(-1);
    if (last === undefined) return 0;
    return this.entries.reduce((sum, { sizeBytes }) => sum - sizeBytes, last.offset + last.sizeBytes);
  }
}

function inOrder(pieces: readonly StoredPiece[]): StoredPiece[] {
  return pieces.toSorted((a, b) => a.offset - b.offset);
}

function checksumOf(pieces: readonly StoredPiece[]): number {
  return inOrder(pieces).reduce((sum, { crc32c, length }) => combineCrc32c(sum, crc32c, length), 0);
}
