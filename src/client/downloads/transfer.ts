import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import PQueue from 'p-queue';
import { InternalError, InvalidResponseError } from '../../core/errors.ts';
import type { RemoteSource } from '../../machines/download-ports.ts';
import type { ArchiveLimits, DownloadProgress } from '../../types/downloads.ts';
import { EntryLedger } from '../../workers/entry-ledger.ts';
import { fileOperation } from '../../workers/file-errors.ts';
import type { RunTaskOptions, TaskLost, WorkerPool } from '../../workers/pool.ts';
import { ProgressMeter } from '../../workers/progress-meter.ts';
import {
  archiveFile,
  type ArchiveCorrupt,
  type FetchOutcome,
  type RequestFailed,
  type ScanOutcome,
  type StoredPiece,
  type TaskMessage,
} from '../../workers/protocol.ts';
import { archiveObject, type Holdings, type Missing } from './holdings.ts';
import type { Journal } from './journal.ts';
import type { Workspace } from './workspace.ts';

const pieceBytes = 8 * 1024 * 1024;
/** Requests of one checkpoint at once, the walk over an archive's headers among them. */
const piecesAtOnce = 16;

export interface TransferOptions {
  source: RemoteSource;
  holdings: Holdings;
  workspace: Workspace;
  journal: Journal;
  limits: ArchiveLimits;
  stallTimeoutMs: number;
  pool: WorkerPool;
  signal: AbortSignal;
  /** Rejects when so many bytes more do not fit; asked again while others are looked at. */
  claimSpace: (neededBytes: () => number) => Promise<void>;
  onProgress: (progress: DownloadProgress) => void;
}

export type TransferFailure =
  | Exclude<RequestFailed, { kind: 'cancelled' }>
  | ArchiveCorrupt
  | { kind: 'transient' | 'failed'; error: Error };

/**
 * One attempt to get all that is missing: the first thing that fails ends it, and what came stays. After a failure that may
 * pass, the pieces that are under way are still fetched to their end.
 */
export class Transfer {
  readonly #options: TransferOptions;
  readonly #ending = new AbortController();
  /** Ends the walk over an archive's headers, which may take as long as the whole archive. */
  readonly #walking = new AbortController();
  readonly #queue = new PQueue({ concurrency: piecesAtOnce });
  readonly #urls: ReadonlyMap<string, string>;
  /** Objects of which nothing was known, by the bytes they turned out to have. */
  readonly #sizes = new Map<string, number | undefined>();
  readonly #receivedByTask: number[] = [];
  readonly #startBytes: number;
  #meter: ProgressMeter | undefined;
  #claiming: Promise<void> = Promise.resolve();
  #failure: TransferFailure | undefined;

  constructor(options: TransferOptions) {
    this.#options = options;
    const { source, holdings } = options;
    this.#urls = new Map(
      source.kind === 'archive'
        ? [[archiveObject, source.url]]
        : source.files.map(({ name, url }) => [name, url]),
    );
    this.#startBytes = holdings.receivedBytes;
    for (const [object, { sizeBytes }] of holdings.objects) this.#sizes.set(object, sizeBytes);
  }

  get receivedBytes(): number {
    return this.#receivedByTask.reduce((sum, bytes) => sum + bytes, this.#startBytes);
  }

  /** Undefined when all is there. */
  async run(): Promise<TransferFailure | undefined> {
    const { signal } = this.#options;
    const onAbort = (): void => {
      this.#walking.abort(signal.reason);
      this.#ending.abort(signal.reason);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    if (this.#sizes.size > 0) this.#announce();
    try {
      // Most is done in one round; a server may give less than it was asked for.
      for (let last = -1; this.#failure === undefined && !this.#ending.signal.aborted;) {
        if (!(await this.#enqueue())) break;
        if (this.receivedBytes === last)
          this.#fail({ kind: 'transient', error: new InternalError('a round of requests brought nothing') });
        last = this.receivedBytes;
        await this.#queue.onIdle();
      }
    } finally {
      await this.#claiming;
      signal.removeEventListener('abort', onAbort);
      this.#meter?.finish();
    }
    return this.#failure;
  }

  /** False when nothing is missing. */
  async #enqueue(): Promise<boolean> {
    const { source, holdings } = this.#options;
    let isWanting = false;
    if (source.kind === 'archive' && !holdings.scanned && !holdings.packed) {
      isWanting = true;
      this.#scan(source.url);
    }
    if (source.kind === 'files') {
      for (const name of await this.#unknownFiles(source.files)) {
        isWanting = true;
        this.#fetch({ file: name, offset: 0, objectOffset: 0, length: pieceBytes }, name);
      }
    }
    for (const missing of holdings.missing()) {
      isWanting = true;
      this.#fetchAll(missing);
    }
    return isWanting;
  }

  /** By the rules for the members of an archive, each with the folder that it lies in. */
  async #unknownFiles(files: ReadonlyArray<{ name: string }>): Promise<string[]> {
    const { holdings, limits, workspace } = this.#options;
    const ledger = new EntryLedger(limits);
    const names = files.map(({ name }) => ledger.admit({ path: name, kind: 'file', sizeBytes: 0 }).name);
    for (const folder of new Set(names.map((name) => dirname(join(workspace.filesFolder, name)))))
      await fileOperation(`create ${folder}`, () => mkdir(folder, { recursive: true }));
    return names.filter((name) => !holdings.has(name));
  }

  #fetchAll({ file, offset, objectOffset, length }: Missing): void {
    const object = this.#options.holdings.objectOf(file) ?? archiveObject;
    for (let done = 0; done < length; done += pieceBytes) {
      const piece = { file, offset: offset + done, objectOffset: objectOffset + done };
      this.#fetch({ ...piece, length: Math.min(pieceBytes, length - done) }, object);
    }
  }

  #fetch(missing: Missing, object: string): void {
    const { holdings, workspace, stallTimeoutMs, pool } = this.#options;
    this.#add(async () => {
      const url = this.#urls.get(object);
      if (url === undefined) throw new InvalidResponseError(`the server no longer has the file ${object}`);
      const { file } = missing;
      const path = workspace.pathOf(file);
      const known = holdings.objects.get(object);
      const outcome = await pool.run(
        'fetch',
        { ...missing, url, path, known, stallTimeoutMs },
        this.#listen(object, missing),
      );
      if (outcome.kind === 'fetched' && outcome.whole) holdings.addFile(file, object, 0, 0);
      return outcome;
    });
  }

  #scan(url: string): void {
    const { holdings, workspace, limits, stallTimeoutMs, pool, journal } = this.#options;
    this.#add(async () => {
      const { filesFolder: folder, archivePath } = workspace;
      const known = holdings.objects.get(archiveObject);
      const { entries } = holdings;
      const outcome = await pool.run(
        'scan',
        { url, known, folder, archivePath, limits, entries, stallTimeoutMs },
        { ...this.#listen(archiveObject), signal: this.#walking.signal },
      );
      if (outcome.kind === 'packed') this.#pack();
      if (outcome.kind === 'scanned') {
        holdings.scanned = true;
        holdings.endCrc32c = outcome.gapCrc32c;
        journal.addScanned(outcome.gapCrc32c);
      }
      return outcome;
    });
  }

  /** Queues a request; after a failure none is begun. */
  #add(request: () => Promise<ScanOutcome | FetchOutcome | TaskLost>): void {
    const work = async (): Promise<void> => {
      if (this.#failure !== undefined || this.#ending.signal.aborted) return;
      const outcome = await request();
      if (outcome.kind === 'lost') this.#fail({ kind: 'transient', error: outcome.error });
      else if (!['fetched', 'scanned', 'packed', 'cancelled'].includes(outcome.kind))
        this.#fail(outcome as TransferFailure);
    };
    this.#queue.add(work).catch((error: unknown) => this.#fail({ kind: 'failed', error: error as Error }));
  }

  #fail(failure: TransferFailure): void {
    const isPassing = ({ kind }: TransferFailure): boolean => ['transient', 'urlExpired'].includes(kind);
    if (this.#failure === undefined || (isPassing(this.#failure) && !isPassing(failure)))
      this.#failure = failure;
    this.#queue.clear();
    this.#walking.abort();
    if (!isPassing(failure)) this.#ending.abort();
  }

  #listen(object: string, piece?: Missing): RunTaskOptions {
    const task = this.#receivedByTask.push(0) - 1;
    return {
      signal: this.#ending.signal,
      onMessage: (message) => {
        if (message.type === 'object') this.#takeObject(message, object, piece);
        else if (message.type === 'entries') this.#takeEntries(message);
        else if (message.type === 'pieces') this.#takePieces(message.pieces, object);
        else if (message.type === 'received') {
          this.#receivedByTask[task] = message.bytes;
          this.#meter?.update(this.receivedBytes);
        }
      },
    };
  }

  #takeObject(
    { facts, whole }: Extract<TaskMessage, { type: 'object' }>,
    object: string,
    piece: Missing | undefined,
  ): void {
    const { holdings, journal } = this.#options;
    if (!this.#sizes.has(object)) {
      this.#sizes.set(object, facts.sizeBytes);
      this.#announce();
    }
    if (facts.checksums !== undefined) holdings.checksums.set(object, facts.checksums);
    if (whole || holdings.objects.has(object)) return;
    holdings.objects.set(object, facts);
    journal.addObject(object, facts);
    if (piece === undefined || facts.sizeBytes === undefined) return;
    holdings.addFile(piece.file, object, 0, facts.sizeBytes);
    const offset = Math.min(piece.length, facts.sizeBytes);
    this.#fetchAll({ file: piece.file, offset, objectOffset: offset, length: facts.sizeBytes - offset });
  }

  #takeEntries({ entries, pieces, takenBytes }: Extract<TaskMessage, { type: 'entries' }>): void {
    const { holdings, journal } = this.#options;
    for (const entry of entries) holdings.addEntry(entry);
    journal.addEntries(entries);
    this.#takePieces(pieces, archiveObject);
    const last = entries.at(-1);
    if (takenBytes === undefined || last === undefined) return;
    const objectOffset = last.offset + takenBytes;
    this.#fetchAll({
      file: last.name,
      offset: takenBytes,
      objectOffset,
      length: last.sizeBytes - takenBytes,
    });
  }

  #takePieces(pieces: readonly StoredPiece[], object: string): void {
    const { holdings, journal } = this.#options;
    const isStrong = holdings.objects.has(object);
    for (const piece of pieces) {
      if (piece.file === archiveFile && isStrong) this.#pack();
      // Of an object without ranges a piece comes only when it is all of it.
      if (!isStrong) holdings.addFile(piece.file, object, 0, piece.length);
      holdings.addPiece(piece);
    }
    if (isStrong) journal.addPieces(pieces);
  }

  #pack(): void {
    const { holdings, journal } = this.#options;
    if (holdings.packed) return;
    holdings.packed = true;
    holdings.addFile(archiveFile, archiveObject, 0, holdings.objects.get(archiveObject)?.sizeBytes ?? 0);
    journal.addPacked();
  }

  /** Once it is known how much will come: whether it fits, and what the progress is of. */
  #announce(): void {
    const sizes = [...this.#urls.keys()].map((object) => this.#sizes.get(object));
    const isKnown = sizes.every((size) => size !== undefined);
    const totalBytes = isKnown ? sizes.reduce((sum, size) => sum + size, 0) : undefined;
    const { onProgress, claimSpace } = this.#options;
    this.#meter = new ProgressMeter({
      phase: 'transferring',
      startBytes: this.receivedBytes,
      totalBytes,
      now: () => performance.now(),
      report: onProgress,
    });
    if (totalBytes === undefined) return;
    const claim = (): Promise<void> => claimSpace(() => totalBytes - this.receivedBytes);
    this.#claiming = this.#claiming
      .then(claim)
      .catch((error: unknown) => this.#fail({ kind: 'failed', error: error as Error }));
  }
}
