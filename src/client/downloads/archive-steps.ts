import { mkdir, rm } from 'node:fs/promises';
import type PQueue from 'p-queue';
import { DownloadError, InternalError, TinkerError } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import { reviveError, type SerializedError } from '../../core/serialize-error.ts';
import type {
  ResolveArchive,
  DownloadPorts,
  ExtractResult,
  TransferResult,
  VerifyResult,
} from '../../machines/download-ports.ts';
import type { ArchiveLimits, DownloadProgress, DownloadResult } from '../../types/downloads.ts';
import type { Outcome } from '../../types/outcome.ts';
import { fileOperation } from '../../workers/file-errors.ts';
import type { WorkerPool } from '../../workers/pool.ts';
import type { PartFacts, TaskName, Tasks } from '../../workers/protocol.ts';
import { toOutcome } from '../ports.ts';
import type { DownloadTarget } from './download-target.ts';
import { isThere, placeFolder, removeQuietly } from './place-folder.ts';

export interface ArchiveStepsOptions {
  tinkerPath: string;
  target: DownloadTarget;
  force: boolean;
  limits: ArchiveLimits;
  stallTimeoutMs: number;
  resolveArchive: ResolveArchive;
  pool: WorkerPool;
  slots: PQueue;
  /** What is known of part files on disk, by path: what a later download in this process can continue. */
  parts: Map<string, PartFacts>;
  createId: () => string;
  logger: Logger;
  onProgress: (progress: DownloadProgress) => void;
}

/** The steps of downloading one archive, on the disk and in the threads: the ports of one download machine. */
export class ArchiveSteps implements DownloadPorts {
  readonly #options: ArchiveStepsOptions;
  readonly #running = new Set<Promise<unknown>>();
  /** Whether a part file may be there that this download wrote. */
  #partTouched = false;
  #stagingPath: string | undefined;
  #extracted: Pick<DownloadResult, 'files' | 'size_bytes'> | undefined;

  constructor(options: ArchiveStepsOptions) {
    this.#options = options;
  }

  async inspectDestination(): ReturnType<DownloadPorts['inspectDestination']> {
    const found = await toOutcome(isThere(this.#options.target.destination));
    if (found.kind === 'failed') return found;
    return { kind: found.value ? 'exists' : 'absent' };
  }

  async resolveArchive(signal: AbortSignal): ReturnType<DownloadPorts['resolveArchive']> {
    const asked = await toOutcome(this.#options.resolveArchive(this.#options.tinkerPath, signal));
    const answer = asked.kind === 'ok' ? asked.value : asked;
    if (answer.kind !== 'failed') return answer;
    const { error } = answer;
    return TinkerError.isInstance(error) && error.retryable ? { kind: 'transient', error } : answer;
  }

  holdSlot(onGranted: () => void): () => void {
    const controller = new AbortController();
    const { signal } = controller;
    this.#options.slots
      .add(
        () => {
          onGranted();
          return new Promise<void>((resolve) =>
            signal.addEventListener('abort', () => resolve(), { once: true }),
          );
        },
        { signal },
      )
      // Rejects only with the abort below, which is no failure.
      .catch(() => undefined);
    return () => controller.abort();
  }

  transfer(url: string, signal: AbortSignal): Promise<TransferResult> {
    return this.#track(async () => {
      const { target, parts, stallTimeoutMs } = this.#options;
      const made = await toOutcome(
        fileOperation(`create ${target.outputDir}`, () => mkdir(target.outputDir, { recursive: true })),
      );
      if (made.kind === 'failed') return made;
      const { partPath } = target;
      this.#partTouched = true;
      const outcome = await this.#run(
        'transfer',
        { url, partPath, known: parts.get(partPath), stallTimeoutMs },
        signal,
      );
      return outcome.kind === 'complete' ? outcome : { ...outcome, error: toError(outcome.error) };
    });
  }

  verify(signal: AbortSignal): Promise<VerifyResult> {
    return this.#track(async () => {
      const { target, parts } = this.#options;
      const { totalBytes } = parts.get(target.partPath) ?? {};
      const outcome = await this.#run('verify', { archivePath: target.partPath, totalBytes }, signal);
      return outcome.kind === 'intact' ? outcome : { ...outcome, error: toError(outcome.error) };
    });
  }

  extract(signal: AbortSignal): Promise<ExtractResult> {
    return this.#track(async () => {
      const { target, limits, createId, logger } = this.#options;
      if (this.#stagingPath !== undefined) await removeQuietly(this.#stagingPath, logger);
      const stagingPath = target.stagingPath(createId());
      this.#stagingPath = stagingPath;
      const outcome = await this.#run(
        'extract',
        { archivePath: target.partPath, stagingPath, limits },
        signal,
      );
      if (outcome.kind !== 'extracted') return { ...outcome, error: toError(outcome.error) };
      this.#extracted = { files: outcome.files, size_bytes: outcome.size_bytes };
      return { kind: 'extracted' };
    });
  }

  async finalize(): Promise<Outcome<DownloadResult>> {
    const { tinkerPath, target, force, createId, logger } = this.#options;
    const { destination } = target;
    if (this.#stagingPath === undefined || this.#extracted === undefined)
      throw new InternalError('nothing was extracted');
    const asidePath = target.asidePath(createId());
    const placed = await toOutcome(
      placeFolder({ stagingPath: this.#stagingPath, destination, asidePath, force, logger }),
    );
    if (placed.kind === 'failed') return placed;
    await this.#removePart();
    return { kind: 'ok', value: { tinker_path: tinkerPath, destination, ...this.#extracted } };
  }

  discardPart(): Promise<Outcome<void>> {
    return this.#track(() => {
      const { target, parts } = this.#options;
      parts.delete(target.partPath);
      return toOutcome(
        fileOperation(`remove ${target.partPath}`, () => rm(target.partPath, { force: true })),
      );
    });
  }

  async cleanUp({ keepPart }: { keepPart: boolean }): Promise<void> {
    const { target, parts, logger } = this.#options;
    await Promise.allSettled(this.#running);
    if (this.#stagingPath !== undefined) await removeQuietly(this.#stagingPath, logger);
    const isResumable = parts.get(target.partPath)?.etag !== undefined;
    if (!keepPart || !isResumable) await this.#removePart();
  }

  async #removePart(): Promise<void> {
    const { target, parts, logger } = this.#options;
    if (parts.delete(target.partPath) || this.#partTouched) await removeQuietly(target.partPath, logger);
  }

  /** A task in the pool. A lost thread is passing: its bytes are on disk. */
  async #run<Name extends TaskName>(
    name: Name,
    input: Tasks[Name]['input'],
    signal: AbortSignal,
  ): Promise<Exclude<Tasks[Name]['outcome'], { kind: 'cancelled' }> | { kind: 'transient'; error: Error }> {
    const { pool, parts, target, onProgress } = this.#options;
    const outcome = await pool.run(name, input, {
      signal,
      onMessage: (message) => {
        if (message.type === 'part') parts.set(target.partPath, message.facts);
        else if (!signal.aborted) onProgress(message.progress);
      },
    });
    if (outcome.kind === 'lost') return { kind: 'transient', error: outcome.error };
    if (outcome.kind === 'cancelled')
      return { kind: 'transient', error: new InternalError(`a ${name} task gave up`) };
    return outcome as Exclude<Tasks[Name]['outcome'], { kind: 'cancelled' }>;
  }

  /** Remembers what runs, so that nothing is removed under it. */
  async #track<Value>(work: () => Promise<Value>): Promise<Value> {
    const running = work();
    this.#running.add(running);
    try {
      return await running;
    } finally {
      this.#running.delete(running);
    }
  }
}

type DownloadErrorCode = ConstructorParameters<typeof DownloadError>[0];

const downloadErrorCodes: ReadonlySet<string> = new Set<DownloadErrorCode>([
  'destination_exists',
  'archive_pending',
  'checksum_mismatch',
  'unsafe_archive',
  'corrupt_archive',
  'disk_full',
  'file_access',
]);

function isDownloadErrorCode(code: string): code is DownloadErrorCode {
  return downloadErrorCodes.has(code);
}

/** A worker's error with the class it had there. */
function toError(error: SerializedError | Error): Error {
  if (error instanceof Error) return error;
  if (!isDownloadErrorCode(error.code)) return reviveError(error);
  return new DownloadError(error.code, error.message, { details: error.details });
}
