import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../core/clock.ts';
import { HttpError } from '../errors.ts';
import type { CheckpointService } from '../services/checkpoint-service.ts';
import type { CheckpointKey } from '../store/checkpoint-store.ts';
import { buildArchive, type Archive } from './archive-builder.ts';

export interface ArchiveServiceOptions {
  dataDir: string;
  clock: Clock;
  checkpoints: CheckpointService;
  /** How long an archive stays pending at least. */
  pendingMs: number;
}

interface Build {
  startedAt: number;
  lastAskedAt: number;
  finished: Promise<void>;
  archive: Archive | undefined;
}

/** A small adapter is packed in milliseconds, and older clients wait 30 s after a 503: so a request waits this long first. */
const patienceMs = 2000;

/** How long an archive is kept after it was last asked for. */
const keptMs = 60 * 60_000;

/** Archives, one per revision of a checkpoint, built in the background when first asked for. */
export class ArchiveService {
  readonly #options: ArchiveServiceOptions;
  readonly #directory: string;
  readonly #builds = new Map<string, Build>();

  constructor(options: ArchiveServiceOptions) {
    this.#options = options;
    this.#directory = join(options.dataDir, 'archives');
  }

  /** Removes what an earlier boot built. */
  async clear(): Promise<void> {
    await rm(this.#directory, { recursive: true, force: true });
  }

  /** The archive of a checkpoint; 503 while it is being built. */
  async require(key: CheckpointKey): Promise<Archive> {
    const { revision } = this.#options.checkpoints.require(key);
    const build = this.#builds.get(revision) ?? this.#start(key, revision);
    const { clock, pendingMs } = this.#options;
    build.lastAskedAt = clock.now();
    const isPaced = clock.now() - build.startedAt < pendingMs;
    if (!isPaced && build.archive === undefined) await this.#waitBriefly(build);
    if (!isPaced && build.archive !== undefined) return build.archive;
    throw new HttpError(503, `The archive of ${key.kind}/${key.name} is being built: ask again`, {
      'retry-after': '1',
      // The official client would repeat the request within moments otherwise (wire-protocol 2.20).
      'x-should-retry': 'false',
    });
  }

  /** Removes archives that nobody has asked for during their time. */
  async removeStale(): Promise<void> {
    const oldest = this.#options.clock.now() - keptMs;
    for (const [revision, { archive, lastAskedAt }] of this.#builds) {
      if (archive === undefined || lastAskedAt > oldest) continue;
      this.#builds.delete(revision);
      await rm(archive.path, { force: true });
    }
  }

  /** Waits for the builds that run. */
  async idle(): Promise<void> {
    await Promise.allSettled([...this.#builds.values()].map(({ finished }) => finished));
  }

  #start(key: CheckpointKey, revision: string): Build {
    const now = this.#options.clock.now();
    const build: Build = {
      startedAt: now,
      lastAskedAt: now,
      finished: Promise.resolve(),
      archive: undefined,
    };
    build.finished = this.#build(build, key);
    // A failed build is told to those who wait for it, and begun anew for the next.
    build.finished.catch(() => this.#builds.delete(revision));
    this.#builds.set(revision, build);
    return build;
  }

  async #build(build: Build, key: CheckpointKey): Promise<void> {
    build.archive = await this.#options.checkpoints.read(key, 'download', ({ directory, revision }) =>
      buildArchive(directory, this.#directory, revision),
    );
  }

  async #waitBriefly({ finished }: Build): Promise<void> {
    const { clock } = this.#options;
    const patience = Promise.withResolvers<void>();
    const timer = clock.setTimeout(patience.resolve, patienceMs);
    try {
      await Promise.race([finished, patience.promise]);
    } finally {
      clock.clearTimeout(timer);
    }
  }
}
