import { mkdir, rm } from 'node:fs/promises';
import type PQueue from 'p-queue';
import type { Clock } from '../../core/clock.ts';
import { DownloadError, InternalError, TinkerError } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import type {
  CheckpointSource,
  DownloadPorts,
  ExtractResult,
  RemoteSource,
  TransferResult,
  VerifyResult,
} from '../../machines/download-ports.ts';
import type {
  ArchiveLimits,
  DownloadProgress,
  DownloadResult,
  DownloadSourceKind,
} from '../../types/downloads.ts';
import type { Outcome } from '../../types/outcome.ts';
import { fileOperation } from '../../workers/file-errors.ts';
import type { WorkerPool } from '../../workers/pool.ts';
import type { PlacedFile, TaskName, Tasks } from '../../workers/protocol.ts';
import { toOutcome } from '../ports.ts';
import { checkFolder } from './check-folder.ts';
import type { DownloadTarget } from './download-target.ts';
import type { SpaceLedger } from './free-space.ts';
import { holdSlot } from './hold-slot.ts';
import { Holdings } from './holdings.ts';
import { Journal, readEarlierExport } from './journal.ts';
import { readManifest, toResult } from './manifest.ts';
import { placeDownload } from './place-download.ts';
import { isThere } from './place-folder.ts';
import { takeOver } from './take-over.ts';
import { toTaskError } from './task-error.ts';
import { Transfer, type TransferFailure } from './transfer.ts';
import { Workspace } from './workspace.ts';

export interface DownloadStepsOptions {
  tinkerPath: string;
  target: DownloadTarget;
  force: boolean;
  /** A destination that is what would be fetched, by its manifest, is taken as done. */
  acceptVerified: boolean;
  limits: ArchiveLimits;
  /** Secrets. */
  identities: readonly string[];
  stallTimeoutMs: number;
  source: CheckpointSource;
  pool: WorkerPool;
  slots: PQueue;
  starts: PQueue;
  space: SpaceLedger;
  createId: () => string;
  clock: Clock;
  logger: Logger;
  onProgress: (progress: DownloadProgress) => void;
}

/** The steps of downloading one checkpoint, on the disk and in the threads: the ports of one download machine. */
export class DownloadSteps implements DownloadPorts {
  readonly #options: DownloadStepsOptions;
  readonly #running = new Set<Promise<unknown>>();
  #workspace: Workspace | undefined;
  /** Whether it is known what of an earlier download's is in the workspace and intact. */
  #isTakenOver = false;
  #sourceKind: DownloadSourceKind = 'archive';
  #holdings = new Holdings();
  /** What extracting made of an archive, or verifying of all. */
  #files: PlacedFile[] | undefined;

  constructor(options: DownloadStepsOptions) {
    this.#options = options;
  }

  async inspectDestination(signal: AbortSignal): ReturnType<DownloadPorts['inspectDestination']> {
    const { target, tinkerPath, force, acceptVerified, pool, starts, createId, logger } = this.#options;
    const { destination, manifestPath } = target;
    const found = await toOutcome(starts.add(() => isThere(destination), { signal }));
    if (found.kind === 'failed') return found;
    if (!found.value) return { kind: 'absent' };
    const manifest = acceptVerified && !force ? await readManifest(manifestPath) : undefined;
    if (manifest?.tinker_path !== tinkerPath) return { kind: 'exists' };
    const checked = await toOutcome(checkFolder(destination, manifest, pool, signal));
    if (checked.kind === 'failed') return checked;
    if (checked.value.length > 0) return { kind: 'exists' };
    const cleared = await toOutcome(Workspace.clearFinished(target, createId(), logger));
    // What is there is whole all the same.
    if (cleared.kind === 'failed') logger.warn(cleared.error.message);
    return { kind: 'verified', result: toResult(tinkerPath, destination, manifest.files) };
  }

  async resolveSource(signal: AbortSignal): ReturnType<DownloadPorts['resolveSource']> {
    this.#options.pool.prepare();
    const asked = await toOutcome(
      this.#track(async () => this.#options.source.resolve(signal, await this.#earlierExport())),
    );
    const answer = asked.kind === 'ok' ? asked.value : asked;
    if (answer.kind !== 'failed') return answer;
    const { error } = answer;
    return TinkerError.isInstance(error) && error.retryable ? { kind: 'transient', error } : answer;
  }

  holdSlot(...[{ expires }, options, onGranted]: Parameters<DownloadPorts['holdSlot']>): () => void {
    const { slots, clock } = this.#options;
    return holdSlot(slots, options, () => onGranted({ expired: Date.parse(expires) <= clock.now() }));
  }

  async transfer(source: RemoteSource, signal: AbortSignal): Promise<TransferResult> {
    // What a pause or a failure has stopped may still be on its way out.
    const ending = [...this.#running];
    const work = async (): Promise<TransferResult> => {
      await Promise.allSettled(ending);
      signal.throwIfAborted();
      return this.#transfer(source, signal);
    };
    const done = await toOutcome(this.#track(work));
    return done.kind === 'ok' ? done.value : done;
  }

  extract(signal: AbortSignal): Promise<ExtractResult> {
    return this.#track(async () => {
      const { filesFolder: folder, archivePath } = this.#requireWorkspace();
      const emptied = await toOutcome(
        fileOperation(`remove ${folder}`, () => rm(folder, { recursive: true, force: true })),
      );
      if (emptied.kind === 'failed') return emptied;
      const { limits } = this.#options;
      const input = { archivePath, folder, limits, expected: this.#holdings.archiveChecksums() };
      const outcome = await this.#run('extract', input, signal);
      if (outcome.kind !== 'extracted') return { ...outcome, error: toTaskError(outcome.error) };
      this.#files = outcome.files;
      return { kind: 'extracted' };
    });
  }

  verify(signal: AbortSignal): Promise<VerifyResult> {
    return this.#track(async () => {
      const { filesFolder: folder } = this.#requireWorkspace();
      const files = this.#files ?? this.#placedFiles();
      const { identities } = this.#options;
      // Of one that was unpacked from disk all is known by then.
      const archive = this.#files === undefined ? this.#holdings.archiveRuns() : undefined;
      const outcome = await this.#run('verify', { folder, files, archive, identities }, signal);
      if (outcome.kind !== 'intact') return { ...outcome, error: toTaskError(outcome.error) };
      this.#files = outcome.files;
      return { kind: 'intact' };
    });
  }

  async finalize(): Promise<Outcome<DownloadResult>> {
    const { tinkerPath, target, force, clock, logger, source } = this.#options;
    const workspace = this.#requireWorkspace();
    const files = this.#files;
    if (files === undefined) throw new InternalError('nothing was verified');
    const facts = { tinkerPath, source: this.#sourceKind, files, now: clock.now() };
    const placed = await toOutcome(placeDownload({ ...facts, target, workspace, force, logger }));
    if (placed.kind === 'failed') return placed;
    await Promise.all([workspace.release({ keep: false }), source.release({ keep: false })]);
    this.#workspace = undefined;
    return { kind: 'ok', value: toResult(tinkerPath, target.destination, files) };
  }

  discard(): Promise<Outcome<void>> {
    return this.#track(() => {
      this.#holdings = new Holdings();
      this.#files = undefined;
      return toOutcome(this.#workspace?.empty() ?? Promise.resolve());
    });
  }

  async cleanUp({ keep }: { keep: boolean }): Promise<void> {
    await Promise.allSettled(this.#running);
    const isKept = keep && (!this.#isTakenOver || this.#holdings.isResumable);
    await Promise.all([
      this.#workspace?.release({ keep: isKept }),
      this.#options.source.release({ keep: isKept && this.#workspace !== undefined }),
    ]);
    this.#workspace = undefined;
  }

  async #transfer(source: RemoteSource, signal: AbortSignal): Promise<TransferResult> {
    const { target, tinkerPath, limits, stallTimeoutMs, pool, space, logger, onProgress } = this.#options;
    const kind = source.kind === 'archive' ? 'archive' : 'external_weights';
    const workspace = await this.#acquireWorkspace();
    if (!this.#isTakenOver) {
      this.#sourceKind = kind;
      const held = await takeOver({ workspace, tinkerPath, kind, limits, pool, signal });
      if (held.kind !== 'held') return held;
      this.#holdings = held.holdings;
      this.#isTakenOver = true;
      const { receivedBytes } = held.holdings;
      if (receivedBytes > 0)
        logger.info(`going on with ${receivedBytes} bytes of ${tinkerPath} that were there already`);
    }
    if (kind !== this.#sourceKind) this.#holdings = new Holdings();
    this.#sourceKind = kind;
    const holdings = this.#holdings;
    // What is not known of is of no use, and would be in the way.
    if (holdings.isEmpty) await workspace.empty();
    await fileOperation(`create ${workspace.filesFolder}`, () =>
      mkdir(workspace.filesFolder, { recursive: true }),
    );
    const temporary_export = source.kind === 'files' ? source.temporaryExport : undefined;
    const head = { tinker_path: tinkerPath, source: kind, temporary_export } as const;
    const journal = await Journal.create(workspace.journalPath, head, holdings);
    const transfer = new Transfer({
      source,
      holdings,
      workspace,
      journal,
      limits,
      stallTimeoutMs,
      pool,
      signal,
      claimSpace: (neededBytes) => space.claim(this, target.outputDir, neededBytes),
      onProgress: (progress) => {
        if (!signal.aborted) onProgress(progress);
      },
    });
    let failure: TransferFailure | undefined;
    try {
      failure = await transfer.run();
    } finally {
      space.release(this);
      await journal.close();
    }
    if (failure !== undefined)
      return { receivedBytes: transfer.receivedBytes, ...failure, error: toTaskError(failure.error) };
    if (holdings.packed) return { kind: 'packed' };
    if (holdings.placed().length > 0) return { kind: 'placed' };
    return { kind: 'corrupt', error: new DownloadError('corrupt_archive', 'The archive holds no files') };
  }

  async #acquireWorkspace(): Promise<Workspace> {
    const { target, createId, logger, starts } = this.#options;
    this.#workspace ??= await starts.add(() => Workspace.acquire(target, createId(), logger));
    return this.#workspace;
  }

  /** What goes on with the bytes of an earlier process needs its export too. */
  async #earlierExport(): Promise<string | undefined> {
    const { target, tinkerPath } = this.#options;
    if (this.#workspace === undefined && !(await isThere(target.workspacePath))) return undefined;
    return readEarlierExport((await this.#acquireWorkspace()).journalPath, tinkerPath);
  }

  /** In the archive's order, or in that of their names: pieces of an export come as they like. */
  #placedFiles(): ReturnType<Holdings['placed']> {
    const files = this.#holdings.placed();
    return this.#sourceKind === 'archive' ? files : files.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }

  #requireWorkspace(): Workspace {
    if (this.#workspace === undefined) throw new InternalError('nothing was fetched');
    return this.#workspace;
  }

  /** A task in the pool. A lost thread is passing: its bytes are on disk. */
  async #run<Name extends TaskName>(
    name: Name,
    input: Tasks[Name]['input'],
    signal: AbortSignal,
  ): Promise<Exclude<Tasks[Name]['outcome'], { kind: 'cancelled' }> | { kind: 'transient'; error: Error }> {
    const { pool, onProgress } = this.#options;
    const outcome = await pool.run(name, input, {
      signal,
      onMessage: (message) => {
        if (message.type === 'progress' && !signal.aborted) onProgress(message.progress);
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
