import type { DatabaseSync } from 'node:sqlite';
import { toJsonInteger } from '../../core/lossless-json.ts';
import type { LoraConfig, OptimizerConfig } from '../../types/training.ts';
import { defaultProjectId } from '../owner.ts';
import { integer, optionalText, text, type Row } from './database.ts';

/** A model and the training run it makes are one row: both have the model's id. */
export interface TrainingRunRow {
  id: string;
  session_id: string;
  base_model: string;
  lora_config: LoraConfig;
  optimizer_config: OptimizerConfig;
  user_metadata: Record<string, unknown>;
  created_at: number;
  last_request_at: number;
  /** The path whose copy this run is: such a run has its checkpoint and cannot be trained. */
  copied_from?: string | undefined;
}

const inProject = `(?1 IS NULL OR session_id IN (
  SELECT id FROM sessions WHERE coalesce(project_id, '${defaultProjectId}') = ?1))`;

export class TrainingRunStore {
  readonly #database: DatabaseSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /** A run that holds what came from elsewhere. */
  insertCopy(
    run: Omit<TrainingRunRow, 'user_metadata' | 'created_at' | 'last_request_at'>,
    now: number,
  ): void {
    this.insertOrReplace({ ...run, user_metadata: {}, created_at: now, last_request_at: now });
  }

  /** A run that never saved anything may be made anew under its id. */
  insertOrReplace(run: TrainingRunRow): void {
    this.#database
      .prepare(
        `INSERT INTO training_runs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET
          base_model = excluded.base_model, lora_config = excluded.lora_config,
          optimizer_config = excluded.optimizer_config, user_metadata = excluded.user_metadata,
          created_at = excluded.created_at, last_request_at = excluded.last_request_at`,
      )
      .run(
        run.id,
        run.session_id,
        run.base_model,
        JSON.stringify(run.lora_config),
        JSON.stringify(run.optimizer_config),
        JSON.stringify(run.user_metadata, keepLongIntegers),
        run.created_at,
        run.last_request_at,
        run.copied_from ?? null,
      );
  }

  find(id: string): TrainingRunRow | undefined {
    const row = this.#database.prepare('SELECT * FROM training_runs WHERE id = ?').get(id);
    return row === undefined ? undefined : toTrainingRun(row);
  }

  /** Newest first; of one project, if it is given. */
  list(limit: number, offset: number, projectId: string | undefined): TrainingRunRow[] {
    return this.#database
      .prepare(
        `SELECT * FROM training_runs WHERE ${inProject} ORDER BY created_at DESC, rowid DESC LIMIT ?2 OFFSET ?3`,
      )
      .all(projectId ?? null, limit, offset)
      .map(toTrainingRun);
  }

  listIdsOfSession(sessionId: string): string[] {
    return this.#database
      .prepare('SELECT id FROM training_runs WHERE session_id = ? ORDER BY created_at, rowid')
      .all(sessionId)
      .map((row) => text(row, 'id'));
  }

  listIds(): string[] {
    return this.#database
      .prepare('SELECT id FROM training_runs')
      .all()
      .map((row) => text(row, 'id'));
  }

  count(projectId: string | undefined): number {
    const row = this.#database
      .prepare(`SELECT count(*) AS total FROM training_runs WHERE ${inProject}`)
      .get(projectId ?? null);
    return integer(row ?? {}, 'total');
  }

  touch(id: string, now: number): void {
    this.#database.prepare('UPDATE training_runs SET last_request_at = ? WHERE id = ?').run(now, id);
  }

  delete(id: string): void {
    this.#database.prepare('DELETE FROM training_runs WHERE id = ?').run(id);
  }
}

/** Metadata may hold any JSON, also integers that no double holds. */
function keepLongIntegers(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? toJsonInteger(value) : value;
}

function toTrainingRun(row: Row): TrainingRunRow {
  return {
    id: text(row, 'id'),
    session_id: text(row, 'session_id'),
    base_model: text(row, 'base_model'),
    lora_config: JSON.parse(text(row, 'lora_config')),
    optimizer_config: JSON.parse(text(row, 'optimizer_config')),
    user_metadata: JSON.parse(text(row, 'user_metadata')),
    created_at: integer(row, 'created_at'),
    last_request_at: integer(row, 'last_request_at'),
    copied_from: optionalText(row, 'copied_from') ?? undefined,
  };
}
