import type { SerializedError } from '../core/serialize-error.ts';
import type { ArchiveLimits, DownloadedFile, DownloadProgress } from '../types/downloads.ts';

/** What crosses the thread boundary. Expected failures are outcomes; an exception in a worker is a bug. */

/** What a server says of an object; `etag` only where it is a strong validator, under which ranges may be put together. */
export interface ObjectFacts {
  etag?: string | undefined;
  sizeBytes?: number | undefined;
  checksums?: ObjectChecksums | undefined;
}

/** Checksums that came with an object, each in the spelling of its header. */
export interface ObjectChecksums {
  /** Base64, of `x-goog-hash`. */
  crc32c?: string | undefined;
  /** Base64, of `Content-MD5` or `x-goog-hash`; or the ETag of a store that is known to make it so. */
  md5?: string | undefined;
  /** Base64, of `Repr-Digest` or `Digest`. */
  sha256?: string | undefined;
}

/** The archive itself as pieces name it, where it goes to disk: no member can be called so. */
export const archiveFile = '/archive.part';

/** A run of bytes of a file that is on disk. */
export interface StoredPiece {
  file: string;
  offset: number;
  length: number;
  crc32c: number;
}

/** Bytes that lie one behind the other, and their checksum. */
export interface Run {
  length: number;
  crc32c: number;
}

/** One member of an archive, as the walk over its headers finds it. */
export interface ScannedEntry {
  /** As the archive spells it. */
  path: string;
  /** As it is written, relative to the folder; empty for the archive's own root folder. */
  name: string;
  kind: 'file' | 'directory';
  sizeBytes: number;
  /** Where its content begins in the archive. */
  offset: number;
  /** Where the next header begins. */
  next: number;
  /** Of what lies between the content before this one's and this one's. */
  gapCrc32c: number;
}

/** A file that is complete, with the checksum of what was written. */
export interface PlacedFile extends DownloadedFile {
  crc32c: number;
}

export interface TaskFailure {
  kind: 'failed';
  error: SerializedError;
}

export interface TaskCancelled {
  kind: 'cancelled';
}

/** Damaged: fetching it again may help. */
export interface ArchiveCorrupt {
  kind: 'corrupt';
  error: SerializedError;
}

/** Why an object's bytes did not come. What came before is told by messages. */
export type RequestFailed =
  /** 403, 404 or 410: the URL is no longer good, the bytes are. */
  | { kind: 'urlExpired'; error: SerializedError }
  /** The object changed, or the server gave no range: what is on disk is of no use. */
  | { kind: 'stale'; error: SerializedError }
  | { kind: 'transient'; error: SerializedError; retryAfterMs?: number | undefined }
  | TaskFailure
  | TaskCancelled;

interface RequestInput {
  /** Signed: a secret, used for the request and nothing else. */
  url: string;
  /** What an earlier answer said of the object. */
  known: ObjectFacts | undefined;
  /** A connection that is silent for so long counts as broken. */
  stallTimeoutMs: number;
}

export interface FetchInput extends RequestInput {
  /** By which `piece` messages name the file. */
  file: string;
  /** Absolute; made when it is not there. Its folder must be. */
  path: string;
  /** Where the piece begins in the file, and in the object. */
  offset: number;
  objectOffset: number;
  length: number;
}

export type FetchOutcome =
  /** `whole`: the server gave the object from start to end instead of the piece. */
  { kind: 'fetched'; whole: boolean } | RequestFailed;

export interface ScanInput extends RequestInput {
  /** Where members are written; must be there. */
  folder: string;
  /** Where the archive is written when it cannot be unpacked on the way. */
  archivePath: string;
  limits: ArchiveLimits;
  /** What earlier walks found. */
  entries: readonly ScannedEntry[];
}

export type ScanOutcome =
  /** All members are told; what the walk did not write itself is to be fetched. `gapCrc32c`: of what follows the last content. */
  | { kind: 'scanned'; gapCrc32c: number }
  /** The archive goes to disk as it is; `whole`: it has. */
  | { kind: 'packed'; whole: boolean }
  | ArchiveCorrupt
  | RequestFailed;

export interface RecheckInput {
  pieces: ReadonlyArray<StoredPiece & { path: string }>;
}

/** Which pieces are on disk as they were written, by their place in the input. */
export type RecheckOutcome = { kind: 'rechecked'; intact: number[] } | TaskFailure | TaskCancelled;

export interface ExtractInput {
  archivePath: string;
  /** Where the files go; must not exist, its parent must. */
  folder: string;
  limits: ArchiveLimits;
  /** Of the archive as it was written, and as the server says. */
  expected?: { crc32c: number; checksums: ObjectChecksums } | undefined;
}

export type ExtractOutcome =
  { kind: 'extracted'; files: PlacedFile[] } | ArchiveCorrupt | TaskFailure | TaskCancelled;

export interface VerifyInput {
  folder: string;
  files: ReadonlyArray<PlacedFile & { checksums?: ObjectChecksums | undefined }>;
  /** The archive that the files came in, where it was unpacked on its way: all its bytes, and what the server says. */
  archive?: { runs: readonly Run[]; crc32c: string } | undefined;
  /** Secrets: of age, to decrypt what is encrypted. */
  identities?: readonly string[] | undefined;
}

export type VerifyOutcome =
  { kind: 'intact'; files: PlacedFile[] } | ArchiveCorrupt | TaskFailure | TaskCancelled;

/** The tasks of the pool, by the name under which `entry.ts` exports them. */
export interface Tasks {
  scan: { input: ScanInput; outcome: ScanOutcome };
  fetch: { input: FetchInput; outcome: FetchOutcome };
  recheck: { input: RecheckInput; outcome: RecheckOutcome };
  extract: { input: ExtractInput; outcome: ExtractOutcome };
  verify: { input: VerifyInput; outcome: VerifyOutcome };
}

export type TaskName = keyof Tasks;

/** From a task to the main thread. */
export type TaskMessage =
  | { type: 'started' }
  /** Sent before the first byte is written; `whole`: the server gives no ranges of it, and sends all of it now. */
  | { type: 'object'; facts: ObjectFacts; whole: boolean }
  /** Members that were found; `taken`: how much of the last one the walk fetches itself. */
  | { type: 'entries'; entries: ScannedEntry[]; pieces: StoredPiece[]; takenBytes?: number | undefined }
  | { type: 'pieces'; pieces: StoredPiece[] }
  /** Bytes that this task has received so far. */
  | { type: 'received'; bytes: number }
  | { type: 'progress'; progress: DownloadProgress };

/** From the main thread to a task. */
export interface CancelMessage {
  type: 'cancel';
}

/** What a task body gets besides its input. */
export interface TaskContext {
  signal: AbortSignal;
  post: (message: TaskMessage) => void;
}
