import type { DownloadResult } from '../types/downloads.ts';
import type { Outcome } from '../types/outcome.ts';

/** The effects that the download machine asks for; ports of one download share its folder names and part file. */

/** Where the archive of a checkpoint can be fetched, as a service answers it. */
export type ArchiveResolution =
  /** `url` is signed: a secret until `expires`, never shown with its query. */
  | { kind: 'ready'; url: string; expires: string }
  /** The server still builds the archive. */
  | { kind: 'pending'; retryAfterMs?: number | undefined }
  /** Asked again when the error says `retryable`. */
  | { kind: 'failed'; error: Error };

/** Asks the service for the archive of a checkpoint, once; transient failures may be left to the download. */
export type ResolveArchive = (tinkerPath: string, signal: AbortSignal) => Promise<ArchiveResolution>;

/** Final. */
export interface StepFailed {
  kind: 'failed';
  error: Error;
}

/** Passing: worth another attempt after a while. */
export interface StepTransient {
  kind: 'transient';
  error: Error;
  /** How much of the archive is on disk, where that is known. */
  receivedBytes?: number | undefined;
  /** The server's wish. */
  retryAfterMs?: number | undefined;
}

/** Damaged: worth another fetch. */
export interface ArchiveDamaged {
  kind: 'corrupt';
  error: Error;
}

export type TransferResult =
  | { kind: 'complete'; receivedBytes: number }
  | { kind: 'urlExpired'; error: Error; receivedBytes: number }
  /** What is on disk does not belong to what the server has now. */
  | { kind: 'stale'; error: Error }
  | StepTransient
  | StepFailed;

export type VerifyResult = { kind: 'intact' } | ArchiveDamaged | StepTransient | StepFailed;

export type ExtractResult = { kind: 'extracted' } | ArchiveDamaged | StepTransient | StepFailed;

export interface DownloadPorts {
  inspectDestination: (signal: AbortSignal) => Promise<{ kind: 'absent' } | { kind: 'exists' } | StepFailed>;
  resolveArchive: (signal: AbortSignal) => Promise<ArchiveResolution | StepTransient>;
  /** Queues for one of the slots; the function that comes back gives up the slot, or the place in the queue. */
  holdSlot: (onGranted: () => void) => () => void;
  transfer: (url: string, signal: AbortSignal) => Promise<TransferResult>;
  verify: (signal: AbortSignal) => Promise<VerifyResult>;
  extract: (signal: AbortSignal) => Promise<ExtractResult>;
  /** Puts what was extracted in place of the destination. */
  finalize: () => Promise<Outcome<DownloadResult>>;
  discardPart: () => Promise<Outcome<void>>;
  /** Removes what is left of this download once nothing of it runs; never rejects. */
  cleanUp: (options: { keepPart: boolean }) => Promise<void>;
}
