import { open, readFile, rename, type FileHandle } from 'node:fs/promises';
import { journalLineSchema, type JournalLine } from '../../types/download-journal.ts';
import type { ArchiveLimits, DownloadSourceKind } from '../../types/downloads.ts';
import { EntryLedger } from '../../workers/entry-ledger.ts';
import { fileOperation } from '../../workers/file-errors.ts';
import {
  archiveFile,
  type ObjectFacts,
  type ScannedEntry,
  type StoredPiece,
} from '../../workers/protocol.ts';
import { archiveObject, Holdings } from './holdings.ts';

/** What a download has done so far, a JSON line each, so that another process can go on. Holds no address. */
export class Journal {
  readonly #path: string;
  readonly #handle: FileHandle;
  #waiting: string[] = [];
  #writing: Promise<void> = Promise.resolve();

  private constructor(path: string, handle: FileHandle) {
    this.#path = path;
    this.#handle = handle;
  }

  /** Begins it anew, with what is held already; the old one stays until that is written. */
  static async create(
    path: string,
    head: { tinker_path: string; source: DownloadSourceKind; temporary_export?: string | undefined },
    holdings: Holdings,
  ): Promise<Journal> {
    const unfinished = `${path}.new`;
    const journal = new Journal(path, await fileOperation(`write ${path}`, () => open(unfinished, 'w')));
    journal.#add({ version: 1, ...head });
    for (const [object, facts] of holdings.objects)
      journal.addObject(object, { ...facts, checksums: holdings.checksums.get(object) });
    if (holdings.packed) journal.addPacked();
    journal.addEntries(holdings.entries);
    journal.addPieces(holdings.pieces());
    if (holdings.scanned) journal.addScanned(holdings.endCrc32c);
    await journal.#writing;
    await fileOperation(`write ${path}`, () => rename(unfinished, path));
    return journal;
  }

  addObject(object: string, { etag, sizeBytes, checksums }: ObjectFacts): void {
    if (etag === undefined || sizeBytes === undefined) return;
    this.#add({ object, etag, size_bytes: sizeBytes, checksums });
  }

  addEntries(entries: readonly ScannedEntry[]): void {
    for (const { path, kind, sizeBytes, offset, next, gapCrc32c } of entries)
      this.#add({ entry: path, kind, size_bytes: sizeBytes, offset, next, gap_crc32c: gapCrc32c });
  }

  addPieces(pieces: readonly StoredPiece[]): void {
    for (const { file, offset, length, crc32c } of pieces) this.#add({ piece: file, offset, length, crc32c });
  }

  addPacked(): void {
    this.#add({ packed: true });
  }

  addScanned(gap_crc32c: number): void {
    this.#add({ scanned: true, gap_crc32c });
  }

  /** Writes what waits and closes; rejects when something could not be written. */
  async close(): Promise<void> {
    try {
      await this.#writing;
    } finally {
      await this.#handle.close();
    }
  }

  /** Lines that come while others are being written go together. */
  #add(line: JournalLine): void {
    this.#waiting.push(`${JSON.stringify(line)}\n`);
    if (this.#waiting.length > 1) return;
    this.#writing = this.#writing.then(async () => {
      const text = this.#waiting.join('');
      this.#waiting = [];
      await fileOperation(`write ${this.#path}`, () => this.#handle.appendFile(text));
    });
    // Told by `close`.
    this.#writing.catch(() => undefined);
  }
}

/**
 * What the journal of an earlier process says; nothing when it is of another checkpoint, another source, or cannot be read. A
 * line that was torn ends it.
 */
export async function readJournal(
  path: string,
  tinkerPath: string,
  source: DownloadSourceKind,
  limits: ArchiveLimits,
): Promise<Holdings> {
  const text = await readFile(path, 'utf8').catch(() => '');
  const lines = toLines(text);
  const [head] = lines;
  const isOurs =
    head !== undefined && 'version' in head && head.tinker_path === tinkerPath && head.source === source;
  if (!isOurs) return new Holdings();
  const holdings = new Holdings();
  const ledger = new EntryLedger(limits);
  try {
    for (const line of lines) takeLine(line, holdings, ledger);
  } catch {
    // A name that no archive may have: the journal is not ours.
    return new Holdings();
  }
  return holdings;
}

/** The export that an earlier process had made of this checkpoint for its download. */
export async function readEarlierExport(path: string, tinkerPath: string): Promise<string | undefined> {
  const [head] = toLines(await readFile(path, 'utf8').catch(() => ''));
  return head !== undefined && 'version' in head && head.tinker_path === tinkerPath
    ? head.temporary_export
    : undefined;
}

function takeLine(line: JournalLine, holdings: Holdings, ledger: EntryLedger): void {
  if ('object' in line) {
    const { object, etag, size_bytes: sizeBytes, checksums } = line;
    holdings.objects.set(object, { etag, sizeBytes });
    if (checksums !== undefined) holdings.checksums.set(object, checksums);
    if (object === archiveObject) return;
    const { name } = ledger.admit({ path: object, kind: 'file', sizeBytes });
    holdings.addFile(name, object, 0, sizeBytes);
  } else if ('entry' in line) {
    const { entry: entryPath, kind, size_bytes: sizeBytes, offset, next, gap_crc32c: gapCrc32c } = line;
    const { name } = ledger.admit({ path: entryPath, kind, sizeBytes });
    holdings.addEntry({ path: entryPath, name, kind, sizeBytes, offset, next, gapCrc32c });
  } else if ('packed' in line) {
    holdings.packed = true;
    holdings.addFile(archiveFile, archiveObject, 0, holdings.objects.get(archiveObject)?.sizeBytes ?? 0);
  } else if ('scanned' in line) {
    holdings.scanned = true;
    holdings.endCrc32c = line.gap_crc32c;
  } else if ('piece' in line) {
    const { piece: file, offset, length, crc32c } = line;
    holdings.addPiece({ file, offset, length, crc32c });
  }
}

function toLines(text: string): JournalLine[] {
  const lines: JournalLine[] = [];
  for (const part of text.split('\n')) {
    try {
      lines.push(journalLineSchema.parse(JSON.parse(part)));
    } catch {
      break;
    }
  }
  return lines;
}
