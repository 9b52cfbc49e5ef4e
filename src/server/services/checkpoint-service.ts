import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import type { Clock } from '../../core/clock.ts';
import type { Checkpoint } from '../../types/checkpoints.ts';
import type { LoraConfig, OptimizerConfig } from '../../types/training.ts';
import type { CheckpointFiles } from '../checkpoint-files.ts';
import { toCheckpointPath, typeByKind } from '../checkpoint-path.ts';
import type { EngineAccess } from '../engine-access.ts';
import { HttpError, OperationError } from '../errors.ts';
import { toExpiry } from '../names.ts';
import { SerialQueue } from '../serial-queue.ts';
import {
  checkpointKinds,
  type CheckpointKey,
  type CheckpointKind,
  type CheckpointRow,
} from '../store/checkpoint-store.ts';
import type { Store } from '../store/store.ts';
import type { AuditLog } from './audit-log.ts';

export interface CheckpointServiceOptions {
  store: Store;
  clock: Clock;
  engine: EngineAccess;
  files: CheckpointFiles;
  audit: AuditLog;
}

type ReadPurpose = 'download' | 'load' | 'sample';

export interface SaveRequest extends CheckpointKey {
  ttl_seconds: number | null;
  overwrite: boolean;
  user_metadata: Record<string, string> | null;
  base_model: string;
  lora_config: LoraConfig;
  optimizer_config: OptimizerConfig;
}

export interface CheckpointOnDisk extends CheckpointRow {
  directory: string;
}

/** Checkpoints: a folder and a row each. */
export class CheckpointService {
  readonly #options: CheckpointServiceOptions;
  /** Folders are read, replaced and removed one at a time, so that no reader sees half of each. */
  readonly #folders = new SerialQueue();

  constructor(options: CheckpointServiceOptions) {
    this.#options = options;
  }

  /** Saves a model's weights, with the optimizer's moments for a training state; answers the tinker path. */
  async save(request: SaveRequest): Promise<string> {
    const { store, clock, engine, files } = this.#options;
    const path = toCheckpointPath(request);
    if (!request.overwrite && store.checkpoints.find(request, clock.now()) !== undefined) {
      throw new OperationError(
        `A checkpoint ${path} exists already: choose another name, or overwrite it`,
        'user',
      );
    }
    const staged = await files.stage();
    try {
      const includeOptimizer = request.kind === 'weights';
      await engine.run((e) => e.saveModel({ modelId: request.run_id, directory: staged, includeOptimizer }));
      const sizeBytes = await files.seal(staged);
      await this.#folders.run(() => this.#publish(request, staged, sizeBytes));
      this.#record('created', request, { overwrite: request.overwrite });
    } catch (error) {
      await files.discardStaged(staged);
      throw error;
    }
    return path;
  }

  /**
   * Gives `read` a checkpoint whose files stay as they are until it is done. `purpose` is what the audit log says it was
   * read for. Errors as of `require`.
   */
  read<Result>(
    key: CheckpointKey,
    purpose: ReadPurpose,
    read: (checkpoint: CheckpointOnDisk) => Promise<Result>,
  ): Promise<Result> {
    return this.#folders.run(() => {
      const checkpoint = this.require(key);
      this.#record('read', key, { purpose });
      return read(checkpoint);
    });
  }

  /**
   * Copies a checkpoint, which then shares its files with the source, into the run that `makeRun` makes. Neither the
   * source's expiry nor its being public passes on. Answers the copy's path; errors as of `require`.
   */
  copy(
    source: CheckpointKey,
    ttl_seconds: number | null,
    makeRun: (source: CheckpointOnDisk) => string,
  ): Promise<string> {
    const { files } = this.#options;
    return this.#folders.run(async () => {
      const {
        directory,
        size_bytes,
        expires_at: _expiry,
        is_public: _public,
        ...facts
      } = this.require(source);
      const staged = await files.stage();
      try {
        await files.link(directory, staged);
        const run_id = makeRun(this.require(source));
        const copy = { ...facts, run_id, ttl_seconds, overwrite: false };
        await this.#publish(copy, staged, size_bytes);
        this.#record('copied', copy, { source_path: toCheckpointPath(source) });
        return toCheckpointPath(copy);
      } catch (error) {
        await files.discardStaged(staged);
        throw error;
      }
    });
  }

  /** Finds a checkpoint; 404 for what does not exist. */
  require(key: CheckpointKey): CheckpointOnDisk {
    const { store, clock, files } = this.#options;
    const row = store.checkpoints.find(key, clock.now());
    if (row === undefined)
      throw new HttpError(
        404,
        `Unknown checkpoint ${toCheckpointPath(key)}: it may have expired or been deleted`,
      );
    const directory = files.directoryOf(key);
    if (!existsSync(directory))
      throw new HttpError(404, `The files of ${toCheckpointPath(key)} are missing from the data folder`);
    return { ...row, directory };
  }

  /** Makes a checkpoint of files that were sent; answers its path. */
  async adopt(request: SaveRequest, staged: string): Promise<string> {
    const sizeBytes = await this.#options.files.seal(staged);
    await this.#folders.run(() => this.#publish(request, staged, sizeBytes));
    this.#record('uploaded', request);
    return toCheckpointPath(request);
  }

  listOfRun(runId: string, kinds: readonly CheckpointKind[] = checkpointKinds): Checkpoint[] {
    const { store, clock } = this.#options;
    return store.checkpoints.listOfRun(runId, clock.now(), kinds).map(toCheckpoint);
  }

  list(
    limit: number,
    offset: number,
    kinds: readonly CheckpointKind[],
  ): { checkpoints: Checkpoint[]; totalCount: number } {
    const { store, clock } = this.#options;
    const now = clock.now();
    return {
      checkpoints: store.checkpoints.list(limit, offset, now, kinds).map(toCheckpoint),
      totalCount: store.checkpoints.count(now, kinds),
    };
  }

  findLatest(runId: string, kind: CheckpointKind): Checkpoint | undefined {
    const row = this.#options.store.checkpoints.findLatest(runId, kind, this.#options.clock.now());
    return row === undefined ? undefined : toCheckpoint(row);
  }

  /** The newest state that training can go on from. */
  findLatestPath(runId: string): string | undefined {
    return this.findLatest(runId, 'weights')?.tinker_path;
  }

  delete(key: CheckpointKey): Promise<void> {
    return this.#folders.run(() => {
      this.require(key);
      this.#record('deleted', key);
      return this.#remove(key);
    });
  }

  setPublic(key: CheckpointKey, isPublic: boolean): void {
    this.require(key);
    this.#options.store.checkpoints.setPublic(key, isPublic);
    this.#record(isPublic ? 'published' : 'unpublished', key);
  }

  setTtl(key: CheckpointKey, ttlSeconds: number | null): void {
    const expiresAt = toExpiry(ttlSeconds, this.#options.clock.now(), 400);
    this.require(key);
    this.#options.store.checkpoints.setExpiry(key, expiresAt);
    this.#record('ttl_set', key, { ttl_seconds: ttlSeconds });
  }

  removeExpired(): Promise<void> {
    return this.#folders.run(async () => {
      const { store, clock } = this.#options;
      for (const row of store.checkpoints.listExpired(clock.now())) {
        this.#record('expired', row);
        await this.#remove(row);
      }
    });
  }

  async #publish(request: SaveRequest, staged: string, size_bytes: number): Promise<void> {
    const { store, clock, files } = this.#options;
    const now = clock.now();
    const { overwrite: _overwrite, ttl_seconds, ...facts } = request;
    const isPublic = store.checkpoints.find(request, now)?.is_public ?? false;
    await files.publish(staged, request, store.checkpoints.findRevision(request), () =>
      store.checkpoints.insertOrReplace({
        ...facts,
        revision: randomBytes(8).toString('hex'),
        created_at: now,
        expires_at: toExpiry(ttl_seconds, now, 422),
        is_public: isPublic,
        size_bytes,
      }),
    );
  }

  #record(action: string, key: CheckpointKey, details: Record<string, unknown> = {}): void {
    const { run_id: model_id } = key;
    this.#options.audit.record(`checkpoint_${action}`, {
      tinker_path: toCheckpointPath(key),
      model_id,
      ...details,
    });
  }

  /** The row goes first: a folder without a row is cleaned at the next start, a row without a folder would not be. */
  async #remove(key: CheckpointKey): Promise<void> {
    this.#options.store.checkpoints.delete(key);
    await this.#options.files.remove(key);
  }
}

function toCheckpoint(row: CheckpointRow): Checkpoint {
  return {
    checkpoint_id: `${row.kind}/${row.name}`,
    checkpoint_type: typeByKind[row.kind],
    time: new Date(row.created_at).toISOString(),
    tinker_path: toCheckpointPath(row),
    size_bytes: row.size_bytes,
    public: row.is_public,
    base_model: row.base_model,
    ...(row.user_metadata === null ? {} : { user_metadata: row.user_metadata }),
    ...(row.expires_at === null ? {} : { expires_at: new Date(row.expires_at).toISOString() }),
  };
}
