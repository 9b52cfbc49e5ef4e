import { resolve } from 'node:path';
import type { Clock } from '../../core/clock.ts';
import { checkOptionNames } from '../../core/config.ts';
import { Emitter, type EmitterOptions } from '../../core/emitter.ts';
import { isAgeIdentity } from '../../core/age-identity.ts';
import { ClientClosedError, DownloadError, InvalidArgumentError } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import type { Random } from '../../core/random.ts';
import { parseTinkerPath } from '../../core/tinker-path.ts';
import type { CloseOptions } from '../../types/client-life.ts';
import type {
  ArchiveLimits,
  DownloadAllOptions,
  DownloadManagerEvents,
  DownloadOptions,
  FolderReport,
  SourceChoice,
} from '../../types/downloads.ts';
import type { WorkerNetwork } from '../../workers/signed-url.ts';
import { EventedClient } from '../evented-client.ts';
import type { OpenSource } from './sources/choose-source.ts';
import type { CheckpointDownload } from './checkpoint-download.ts';
import { checkFolder } from './check-folder.ts';
import { DownloadBatch } from './download-batch.ts';
import { DownloadRegistry } from './download-registry.ts';
import { readManifest } from './manifest.ts';
import { toDownloadTarget } from './download-target.ts';
import { startDownload } from './start-download.ts';

/** @internal */
export interface DownloadManagerOptions {
  openSource: OpenSource;
  clock: Clock;
  random: Random;
  logger: Logger;
  /** Checkpoints in transfer or extraction at the same time; 4 by default, the others wait. */
  concurrency?: number | undefined;
  /** Failures in a row without a new byte before a download fails; 10 by default, which is about three minutes. */
  retryLimit?: number | undefined;
  /** How long the server may build an archive; 30 minutes by default. */
  pendingLimitMs?: number | undefined;
  /** A transfer that is silent for so long is broken off and continued; 60 s by default. */
  stallTimeoutMs?: number | undefined;
  /** How the threads reach the machines that have the bytes. */
  network?: WorkerNetwork | undefined;
  /** Gets every event too. */
  forward?: EmitterOptions<DownloadManagerEvents>['forward'];
}

const defaultLimits: ArchiveLimits = { entryCount: 100_000, totalBytes: 2 ** 40, depth: 32 };

/** Downloads checkpoints into folders, several at once. Its events are those of all its downloads, each with its `path`. */
export class DownloadManager extends EventedClient<DownloadManagerEvents> {
  readonly #options: DownloadManagerOptions;
  readonly #emitter: Emitter<DownloadManagerEvents>;
  readonly #registry: DownloadRegistry;
  readonly #concurrency: number;

  /** @internal `ServiceClient` makes its manager. */
  static create(options: DownloadManagerOptions): DownloadManager {
    return new DownloadManager(options);
  }

  private constructor(options: DownloadManagerOptions) {
    const { clock, logger, concurrency = 4, network } = options;
    checkConcurrency(concurrency);
    const emitter = new Emitter<DownloadManagerEvents>(logger, { forward: options.forward });
    const registry = new DownloadRegistry({ clock, logger, concurrency, network });
    super(emitter, registry);
    this.#options = options;
    this.#concurrency = concurrency;
    this.#emitter = emitter;
    this.#registry = registry;
  }

  /**
   * Downloads one checkpoint into `outputDir/<path without tinker://, with / as _>`. Starts at once and gives a handle to
   * await; one that is under way already is given again. Throws InvalidArgumentError for a wrong path or option; the handle
   * rejects with DownloadError when the target exists (unless `force`), when what came is damaged or unsafe, or when the
   * disk is full.
   */
  download(tinkerPath: string, options: DownloadOptions = {}): CheckpointDownload {
    return this.#start(tinkerPath, checkDownload('download', tinkerPath, options), false);
  }

  /**
   * Downloads many checkpoints, a few at a time; paths of an iterable are asked for as they get their turn. A target that
   * exists and is intact by its manifest counts as done. Resolves with what became of each, in the order of the paths.
   */
  downloadAll(
    paths: Iterable<string> | AsyncIterable<string>,
    { concurrency = this.#concurrency, onFailure = 'continue', signal, ...options }: DownloadAllOptions = {},
  ): DownloadBatch {
    this.#checkOpen();
    checkConcurrency(concurrency);
    if (!['continue', 'stop'].includes(onFailure))
      throw new InvalidArgumentError('onFailure must be continue or stop');
    checkOptions('downloadAll', { ...options, signal });
    if (Array.isArray(paths)) for (const path of paths) checkDownload('downloadAll', path, options);
    return DownloadBatch.create({
      paths,
      concurrency,
      onFailure,
      signal,
      logger: this.#options.logger,
      start: (path) => this.#start(path, checkDownload('downloadAll', path, options), true),
    });
  }

  /** Reads a downloaded folder back and compares it with its manifest. Rejects with code `file_access` when that is not there. */
  async verify(folder: string, { signal }: { signal?: AbortSignal | undefined } = {}): Promise<FolderReport> {
    this.#checkOpen();
    const destination = resolve(folder);
    const path = `${destination}.manifest.json`;
    const manifest = await readManifest(path);
    if (manifest === undefined)
      throw new DownloadError('file_access', `There is no manifest ${path}: download the checkpoint again`);
    const problems = await checkFolder(
      destination,
      manifest,
      this.#registry.pool,
      signal ?? new AbortController().signal,
    );
    return { tinker_path: manifest.tinker_path, destination, intact: problems.length === 0, problems };
  }

  #checkOpen(): void {
    if (!this.#registry.isOpen) throw new ClientClosedError('The download manager is closed');
  }

  #start(
    tinkerPath: string,
    { outputDir, force, signal, limits, source, identities }: CheckedOptions,
    acceptVerified: boolean,
  ): CheckpointDownload {
    this.#checkOpen();
    const registry = this.#registry;
    const target = toDownloadTarget(tinkerPath, outputDir);
    const known = registry.find(target.destination);
    if (known !== undefined) {
      if (known.handle.tinkerPath !== tinkerPath)
        throw new InvalidArgumentError(
          `${known.handle.tinkerPath} is being downloaded to ${target.destination}: choose another outputDir for ${tinkerPath}`,
        );
      known.follow(signal);
      return known.handle;
    }
    const { random, retryLimit = 10, pendingLimitMs = 30 * 60_000, stallTimeoutMs = 60_000 } = this.#options;
    const started = startDownload({
      ...this.#options,
      tinkerPath,
      target,
      force,
      acceptVerified,
      signal,
      limits,
      identities,
      retryLimit,
      pendingLimitMs,
      stallTimeoutMs,
      pool: registry.pool,
      slots: registry.slots,
      starts: registry.starts,
      space: registry.space,
      source: this.#options.openSource(tinkerPath, source),
      createId: () =>
        Math.floor(random() * 2 ** 32)
          .toString(16)
          .padStart(8, '0'),
      onEvent: (name, payload) =>
        this.#emitter.emit(name, { ...payload, path: tinkerPath } as DownloadManagerEvents[typeof name]),
    });
    registry.add(target.destination, started);
    return started.handle;
  }

  /**
   * Ends what runs, which rejects with ClientClosedError and keeps what came, and ends the threads; those that have not
   * stopped after `deadlineMs` (10 s) are killed.
   */
  override close(options?: CloseOptions): Promise<void> {
    return super.close(options);
  }
}

interface CheckedOptions {
  outputDir: string;
  force: boolean;
  signal: AbortSignal | undefined;
  limits: ArchiveLimits;
  source: SourceChoice;
  identities: readonly string[];
}

function checkConcurrency(concurrency: number): void {
  if (!Number.isInteger(concurrency) || concurrency < 1)
    throw new InvalidArgumentError(`concurrency must be a positive integer, and is ${concurrency}`);
}

function checkDownload(what: string, tinkerPath: string, options: DownloadOptions): CheckedOptions {
  if (typeof tinkerPath !== 'string')
    throw new InvalidArgumentError(`${what} takes a checkpoint path (tinker://…) first`);
  parseTinkerPath(tinkerPath);
  if (/\p{Cc}/u.test(tinkerPath)) {
    throw new InvalidArgumentError(
      `The checkpoint path has a control character: ${JSON.stringify(tinkerPath)}`,
    );
  }
  return checkOptions(what, options);
}

function checkOptions(what: string, options: DownloadOptions): CheckedOptions {
  checkOptionNames(what, options, ['outputDir', 'force', 'signal', 'limits', 'source', 'identity']);
  const { outputDir = '.', force = false, signal, limits = {}, source = 'auto', identity } = options;
  if (typeof outputDir !== 'string' || outputDir === '' || outputDir.includes('\0')) {
    throw new InvalidArgumentError('outputDir must be the path of a folder');
  }
  if (typeof force !== 'boolean') throw new InvalidArgumentError('force must be true or false');
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw new InvalidArgumentError('signal must be an AbortSignal');
  if (!['auto', 'external_weights', 'archive'].includes(source))
    throw new InvalidArgumentError('source must be auto, external_weights or archive');
  // The value is a secret, and is not repeated.
  const identities = typeof identity === 'string' ? [identity] : (identity ?? []);
  if (!Array.isArray(identities) || !identities.every(isAgeIdentity))
    throw new InvalidArgumentError('identity must be an age identity (AGE-SECRET-KEY-…), or several');
  checkOptionNames('limits', limits, Object.keys(defaultLimits));
  for (const [name, value] of Object.entries(limits)) {
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new InvalidArgumentError(`limits.${name} must be a positive integer, and is ${value}`);
    }
  }
  return { outputDir, force, signal, source, identities, limits: { ...defaultLimits, ...limits } };
}
