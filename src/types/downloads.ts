import type { RetryScheduled } from './events.ts';

/** Where one checkpoint's download stands; `state.changed` tells each step. */
export type DownloadState =
  | 'inspecting'
  | 'resolving'
  | 'pending'
  | 'queued'
  /** Its addresses had expired; it holds its slot. */
  | 'renewing'
  | 'transferring'
  | 'verifying'
  | 'extracting'
  | 'discarding'
  | 'backingOff'
  | 'paused'
  | 'finalizing'
  | 'failing'
  | 'cancelling'
  | 'done'
  | 'failed'
  | 'cancelled';

/** How a checkpoint leaves the service: as one tar file, or as files with an address each. */
export type DownloadSourceKind = 'archive' | 'external_weights';

/** `auto`: external weights where the server exports them, else the archive. */
export type SourceChoice = 'auto' | DownloadSourceKind;

/** What an archive may hold before it is refused as unsafe. */
export interface ArchiveLimits {
  /** Files and folders together; 100,000 by default. */
  entryCount: number;
  /** Of the unpacked archive; 1 TiB by default. */
  totalBytes: number;
  /** Path segments of one entry; 32 by default. */
  depth: number;
}

export interface DownloadOptions {
  /** The folder in which the checkpoint's own folder appears; the current folder by default, created if absent. */
  outputDir?: string | undefined;
  /** Replaces an existing target. The old one stays until the new one is complete. */
  force?: boolean | undefined;
  /** Ends the download, which then rejects with the signal's own reason; what came stays for a later one. */
  signal?: AbortSignal | undefined;
  /** How the checkpoint leaves the service; `auto` by default. */
  source?: SourceChoice | undefined;
  /** Age identities (`AGE-SECRET-KEY-…`) to decrypt `.age` files with, secrets; without one they are kept as they are. */
  identity?: string | readonly string[] | undefined;
  /** For archives that are larger than any expected one. */
  limits?: Partial<ArchiveLimits> | undefined;
}

export interface DownloadAllOptions extends Omit<DownloadOptions, 'signal'> {
  /** Downloads at once; that of the service by default (`downloadConcurrency`, 4). */
  concurrency?: number | undefined;
  /** After a failure the others go on (default), or end and keep what came. */
  onFailure?: 'continue' | 'stop' | undefined;
  /** Ends the whole batch; what came stays for a later one. */
  signal?: AbortSignal | undefined;
}

export interface CancelDownloadOptions {
  /** What came stays, for a later download to the same place to go on from; false by default. */
  keep?: boolean | undefined;
}

/** What became of one checkpoint of a batch. */
export type BatchItem =
  | { tinker_path: string; status: 'done'; result: DownloadResult }
  | { tinker_path: string; status: 'failed'; error: Error }
  | { tinker_path: string; status: 'cancelled' };

export interface FolderProblem {
  name: string;
  problem: 'missing' | 'damaged';
}

/** A finished folder compared with the manifest beside it. */
export interface FolderReport {
  tinker_path: string;
  /** Absolute. */
  destination: string;
  /** Whether there are no problems. */
  intact: boolean;
  problems: FolderProblem[];
}

export interface DownloadedFile {
  /** Relative to the destination, with `/` on every platform. */
  name: string;
  size_bytes: number;
}

export interface DownloadResult {
  tinker_path: string;
  /** Absolute path of the checkpoint's folder. */
  destination: string;
  /** Sum over the files. */
  size_bytes: number;
  /** In the archive's order, or in that of their names. */
  files: DownloadedFile[];
}

export interface DownloadProgress {
  /** Both count bytes that travel: first those fetched, then those unpacked where that could not be done on the way. */
  phase: 'transferring' | 'extracting';
  receivedBytes: number;
  /** Absent when the server does not say. */
  totalBytes?: number | undefined;
  /** Smoothed, of this attempt; absent at its start. */
  ratePerSecond?: number | undefined;
}

/** Events of one download. `state.changed` is repeated to a new listener, the others are not. */
export interface DownloadEvents {
  'state.changed': { state: DownloadState; previous?: DownloadState | undefined };
  /** At most ten per second; the latest wins. */
  'progress.updated': DownloadProgress;
  /** `attempt` counts failures since the last byte of progress. */
  'retry.scheduled': RetryScheduled;
  /** The server still builds the archive and is asked again after `waitMs`. */
  'archive.pending': { waitMs: number };
  'download.completed': DownloadResult;
  'download.failed': { code: string; error: string };
}

/** The events of all downloads of a manager, each with the tinker path it belongs to. */
export type DownloadManagerEvents = {
  [Name in keyof DownloadEvents]: DownloadEvents[Name] & { path: string };
};
