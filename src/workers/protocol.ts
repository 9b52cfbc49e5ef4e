import type { SerializedError } from '../core/serialize-error.ts';
import type { ArchiveLimits, DownloadedFile, DownloadProgress } from '../types/downloads.ts';

/** What crosses the thread boundary. Expected failures are outcomes; an exception in a worker is a bug. */

/** What must be known about a part file before it may be continued. */
export interface PartFacts {
  /** A strong validator; without one the archive is fetched from its start again. */
  etag?: string | undefined;
  totalBytes?: number | undefined;
}

export interface TransferInput {
  /** Signed: a secret, used for the request and nothing else. */
  url: string;
  partPath: string;
  /** Facts of an earlier attempt; absent when what lies at `partPath` is not to be trusted. */
  known?: PartFacts | undefined;
  /** A connection that is silent for so long counts as broken. */
  stallTimeoutMs: number;
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

export type TransferOutcome =
  | { kind: 'complete'; receivedBytes: number }
  /** 403, 404 or 410: the URL is no longer good, the bytes are. */
  | { kind: 'urlExpired'; receivedBytes: number; error: SerializedError }
  /** The archive changed, or the server gave no range: what is on disk is of no use. */
  | { kind: 'stale'; error: SerializedError }
  | { kind: 'transient'; receivedBytes: number; error: SerializedError; retryAfterMs?: number | undefined }
  | TaskFailure
  | TaskCancelled;

export interface VerifyInput {
  archivePath: string;
  /** What the server announced. */
  totalBytes?: number | undefined;
}

export type VerifyOutcome = { kind: 'intact' } | ArchiveCorrupt | TaskFailure | TaskCancelled;

export interface ExtractInput {
  archivePath: string;
  /** Must not exist; its parent must. */
  stagingPath: string;
  limits: ArchiveLimits;
}

export type ExtractOutcome =
  | { kind: 'extracted'; files: DownloadedFile[]; size_bytes: number }
  | ArchiveCorrupt
  | TaskFailure
  | TaskCancelled;

/** The tasks of the pool, by the name under which `entry.ts` exports them. */
export interface Tasks {
  transfer: { input: TransferInput; outcome: TransferOutcome };
  verify: { input: VerifyInput; outcome: VerifyOutcome };
  extract: { input: ExtractInput; outcome: ExtractOutcome };
}

export type TaskName = keyof Tasks;

/** From a task to the main thread. */
export type TaskMessage =
  | { type: 'started' }
  /** Sent before the first byte is written. */
  | { type: 'part'; facts: PartFacts }
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
