import type { DatabaseSync } from 'node:sqlite';
import { integer, optionalText, text, type Row } from './database.ts';

/** With neither `model_path` nor `model_id` it samples from the base model. */
export interface SamplerRow {
  id: string;
  session_id: string;
  base_model: string;
  model_path: string | null;
  /** The model whose weights it copied in memory; such a sampler does not outlive the server's process. */
  model_id: string | null;
  created_at: number;
}

export class SamplerStore {
  readonly #database: DatabaseSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  insert(sampler: SamplerRow): void {
    const { id, session_id, base_model, model_path, model_id, created_at } = sampler;
    this.#database
      .prepare('INSERT INTO samplers VALUES (?, ?, ?, ?, ?, ?)')
      .run(id, session_id, base_model, model_path, model_id, created_at);
  }

  find(id: string): SamplerRow | undefined {
    const row = this.#database.prepare('SELECT * FROM samplers WHERE id = ?').get(id);
    return row === undefined ? undefined : toSampler(row);
  }

  listIdsOfSession(sessionId: string): string[] {
    return this.#database
      .prepare('SELECT id FROM samplers WHERE session_id = ? ORDER BY created_at, rowid')
      .all(sessionId)
      .map((row) => text(row, 'id'));
  }
}

function toSampler(row: Row): SamplerRow {
  return {
    id: text(row, 'id'),
    session_id: text(row, 'session_id'),
    base_model: text(row, 'base_model'),
    model_path: optionalText(row, 'model_path'),
    model_id: optionalText(row, 'model_id'),
    created_at: integer(row, 'created_at'),
  };
}
