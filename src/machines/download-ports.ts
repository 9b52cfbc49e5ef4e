import type { DownloadResult } from '../types/downloads.ts';
import type { Outcome } from '../types/outcome.ts';

/** The effects that the download machine asks for; ports of one download share its workspace. */

/** Where the bytes of a checkpoint are. Each `url` is signed: a secret until `expires`, never shown with its query. */
export type RemoteSource =
  /** One tar file, plain or compressed. */
  | { kind: 'archive'; url: string; expires: string }
  /** Its files, one by one. */
  | {
      kind: 'files';
      files: ReadonlyArray<{ name: string; url: string }>;
      expires: string;
      /** The path of the export, where it was made for this download. */
      temporaryExport?: string | undefined;
    };

/** As a service answers. */
export type SourceResolution =
  | { kind: 'ready'; source: RemoteSource }
  /** The server still makes ready what is to be fetched. */
  | { kind: 'pending'; retryAfterMs?: number | undefined }
  /** Asked again when the error says `retryable`. */
  | { kind: 'failed'; error: Error };

/** How one checkpoint leaves the service. */
export interface CheckpointSource {
  /**
   * Asks once where the bytes are; again when the addresses have expired. Transient failures may be left to the download.
   * `earlierExport`: one that a download before this one made, and left for it.
   */
  resolve: (signal: AbortSignal, earlierExport?: string) => Promise<SourceResolution>;
  /**
   * Takes back what was made on the server for this download, or with `keep` leaves it for a later one as long as it lives;
   * never rejects.
   */
  release: (options: { keep: boolean }) => Promise<void>;
}

/** Final. */
export interface StepFailed {
  kind: 'failed';
  error: Error;
  receivedBytes?: number | undefined;
}

/** Passing: worth another attempt after a while. */
export interface StepTransient {
  kind: 'transient';
  error: Error;
  /** How many bytes are on disk, where that is known. */
  receivedBytes?: number | undefined;
  /** The server's wish. */
  retryAfterMs?: number | undefined;
}

/** Damaged: worth another fetch. */
export interface ArchiveDamaged {
  kind: 'corrupt';
  error: Error;
  receivedBytes?: number | undefined;
}

export type TransferResult =
  /** The files are in the workspace. */
  | { kind: 'placed' }
  /** The archive is, and is to be unpacked. */
  | { kind: 'packed' }
  | { kind: 'urlExpired'; error: Error; receivedBytes: number }
  /** What is on disk does not belong to what the server has now. */
  | { kind: 'stale'; error: Error; receivedBytes: number }
  | ArchiveDamaged
  | StepTransient
  | StepFailed;

export type VerifyResult = { kind: 'intact' } | ArchiveDamaged | StepTransient | StepFailed;

export type ExtractResult = { kind: 'extracted' } | ArchiveDamaged | StepTransient | StepFailed;

export type DestinationFound =
  | { kind: 'absent' }
  | { kind: 'exists' }
  /** It is what would be fetched, by its manifest. */
  | { kind: 'verified'; result: DownloadResult }
  | StepFailed;

export interface DownloadPorts {
  inspectDestination: (signal: AbortSignal) => Promise<DestinationFound>;
  resolveSource: (signal: AbortSignal) => Promise<SourceResolution | StepTransient>;
  /**
   * Queues for one of the slots, with `isFirst` before those that wait without it; the function that comes back gives up the
   * slot, or the place in the queue. `expired`: the source's addresses are by then.
   */
  holdSlot: (
    source: RemoteSource,
    options: { isFirst: boolean },
    onGranted: (grant: { expired: boolean }) => void,
  ) => () => void;
  transfer: (source: RemoteSource, signal: AbortSignal) => Promise<TransferResult>;
  verify: (signal: AbortSignal) => Promise<VerifyResult>;
  extract: (signal: AbortSignal) => Promise<ExtractResult>;
  /** Puts the files in place of the destination. */
  finalize: () => Promise<Outcome<DownloadResult>>;
  /** Throws away what was fetched. */
  discard: () => Promise<Outcome<void>>;
  /** Ends this download once nothing of it runs; `keep`: what was fetched may stay for a later one. Never rejects. */
  cleanUp: (options: { keep: boolean }) => Promise<void>;
}
