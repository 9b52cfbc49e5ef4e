import type { DatabaseSync } from 'node:sqlite';
import type { LoraConfig, OptimizerConfig } from '../../types/training.ts';
import { defaultProjectId } from '../owner.ts';
import { integer, optionalInteger, optionalText, text, type Row } from './database.ts';

/** The kinds this server makes, as they stand in a tinker path. */
export const checkpointKinds = ['weights', 'sampler_weights', 'external_weights'] as const;
export type CheckpointKind = (typeof checkpointKinds)[number];

/** What names a checkpoint: the three parts of its path. */
export interface CheckpointKey {
  run_id: string;
  kind: CheckpointKind;
  name: string;
}

export interface CheckpointRow extends CheckpointKey {
  /** New with every save, so that a replaced folder can be told from the one in its place. */
  revision: string;
  created_at: number;
  expires_at: number | null;
  is_public: boolean;
  size_bytes: number;
  user_metadata: Record<string, string> | null;
  base_model: string;
  lora_config: LoraConfig;
  optimizer_config: OptimizerConfig;
}

const key = 'run_id = ? AND kind = ? AND name = ?';
const ofKinds = 'kind IN (SELECT value FROM json_each(?))';
const newestFirst = 'created_at DESC, rowid DESC';
const alive = '(expires_at IS NULL OR expires_at > ?)';

/** Rows of checkpoints. An expired one is as good as gone: every reading method leaves it out at `now`. */
export class CheckpointStore {
  readonly #database: DatabaseSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  insertOrReplace(checkpoint: CheckpointRow): void {
    this.#database
      .prepare('INSERT OR REPLACE INTO checkpoints VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)')
      .run(
        checkpoint.run_id,
        checkpoint.kind,
        checkpoint.name,
        checkpoint.revision,
        checkpoint.created_at,
        checkpoint.expires_at,
        checkpoint.is_public ? 1 : 0,
        checkpoint.size_bytes,
        checkpoint.user_metadata === null ? null : JSON.stringify(checkpoint.user_metadata),
        checkpoint.base_model,
        JSON.stringify(checkpoint.lora_config),
        JSON.stringify(checkpoint.optimizer_config),
      );
  }

  find({ run_id, kind, name }: CheckpointKey, now: number): CheckpointRow | undefined {
    const row = this.#database
      .prepare(`SELECT * FROM checkpoints WHERE ${key} AND ${alive}`)
      .get(run_id, kind, name, now);
    return row === undefined ? undefined : toCheckpoint(row);
  }

  /** Newest first. */
  listOfRun(runId: string, now: number, kinds: readonly CheckpointKind[]): CheckpointRow[] {
    return this.#database
      .prepare(
        `SELECT * FROM checkpoints WHERE run_id = ? AND ${alive} AND ${ofKinds} ORDER BY ${newestFirst}`,
      )
      .all(runId, now, JSON.stringify(kinds))
      .map(toCheckpoint);
  }

  /** Newest first, across runs. */
  list(limit: number, offset: number, now: number, kinds: readonly CheckpointKind[]): CheckpointRow[] {
    return this.#database
      .prepare(
        `SELECT * FROM checkpoints WHERE ${alive} AND ${ofKinds} ORDER BY ${newestFirst} LIMIT ? OFFSET ?`,
      )
      .all(now, JSON.stringify(kinds), limit, offset)
      .map(toCheckpoint);
  }

  count(now: number, kinds: readonly CheckpointKind[]): number {
    const row = this.#database
      .prepare(`SELECT count(*) AS total FROM checkpoints WHERE ${alive} AND ${ofKinds}`)
      .get(now, JSON.stringify(kinds));
    return integer(row ?? {}, 'total');
  }

  findLatest(runId: string, kind: CheckpointKind, now: number): CheckpointRow | undefined {
    const row = this.#database
      .prepare(
        `SELECT * FROM checkpoints WHERE run_id = ? AND kind = ? AND ${alive} ORDER BY ${newestFirst} LIMIT 1`,
      )
      .get(runId, kind, now);
    return row === undefined ? undefined : toCheckpoint(row);
  }

  /** Of any row, an expired one too. */
  findRevision({ run_id, kind, name }: CheckpointKey): string | undefined {
    const row = this.#database
      .prepare(`SELECT revision FROM checkpoints WHERE ${key}`)
      .get(run_id, kind, name);
    return row === undefined ? undefined : text(row, 'revision');
  }

  listExpired(now: number): CheckpointRow[] {
    return this.#database
      .prepare('SELECT * FROM checkpoints WHERE expires_at <= ?')
      .all(now)
      .map(toCheckpoint);
  }

  /** Of each project, what is stored at `now`. */
  sumByProject(now: number): { project_id: string; checkpoint_count: number; size_bytes: number }[] {
    return this.#database
      .prepare(
        `SELECT coalesce(sessions.project_id, '${defaultProjectId}') AS project, count(*) AS checkpoint_count,
          sum(size_bytes) AS size_bytes
        FROM checkpoints JOIN training_runs ON training_runs.id = run_id JOIN sessions ON sessions.id = session_id
        WHERE ${alive} GROUP BY project ORDER BY project`,
      )
      .all(now)
      .map((row) => ({
        project_id: text(row, 'project'),
        checkpoint_count: integer(row, 'checkpoint_count'),
        size_bytes: integer(row, 'size_bytes'),
      }));
  }

  /** How many checkpoints a session has at `now`, and their size. */
  sumOfSession(sessionId: string, now: number): { count: number; sizeBytes: number } {
    const row = this.#database
      .prepare(
        `SELECT count(*) AS total, coalesce(sum(size_bytes), 0) AS size_bytes FROM checkpoints
        WHERE run_id IN (SELECT id FROM training_runs WHERE session_id = ?) AND ${alive}`,
      )
      .get(sessionId, now);
    return { count: integer(row ?? {}, 'total'), sizeBytes: integer(row ?? {}, 'size_bytes') };
  }

  /** What is stored at `now`, each with the session that made it. */
  listStored(now: number): (CheckpointRow & { session_id: string })[] {
    return this.#database
      .prepare(
        `SELECT checkpoints.*, session_id FROM checkpoints JOIN training_runs ON training_runs.id = run_id WHERE ${alive}`,
      )
      .all(now)
      .map((row) => ({ ...toCheckpoint(row), session_id: text(row, 'session_id') }));
  }

  setPublic({ run_id, kind, name }: CheckpointKey, isPublic: boolean): void {
    this.#database
      .prepare(`UPDATE checkpoints SET is_public = ? WHERE ${key}`)
      .run(isPublic ? 1 : 0, run_id, kind, name);
  }

  setExpiry({ run_id, kind, name }: CheckpointKey, expiresAt: number | null): void {
    this.#database
      .prepare(`UPDATE checkpoints SET expires_at = ? WHERE ${key}`)
      .run(expiresAt, run_id, kind, name);
  }

  delete({ run_id, kind, name }: CheckpointKey): void {
    this.#database.prepare(`DELETE FROM checkpoints WHERE ${key}`).run(run_id, kind, name);
  }
}

function toCheckpoint(row: Row): CheckpointRow {
  const metadata = optionalText(row, 'user_metadata');
  return {
    run_id: text(row, 'run_id'),
    kind: text(row, 'kind') as CheckpointKind,
    name: text(row, 'name'),
    revision: text(row, 'revision'),
    created_at: integer(row, 'created_at'),
    expires_at: optionalInteger(row, 'expires_at'),
    is_public: integer(row, 'is_public') === 1,
    size_bytes: integer(row, 'size_bytes'),
    user_metadata: metadata === null ? null : JSON.parse(metadata),
    base_model: text(row, 'base_model'),
    lora_config: JSON.parse(text(row, 'lora_config')),
    optimizer_config: JSON.parse(text(row, 'optimizer_config')),
  };
}
