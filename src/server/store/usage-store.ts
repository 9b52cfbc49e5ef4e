import type { DatabaseSync } from 'node:sqlite';
import { integer, text } from './database.ts';

/** What is counted; tokens, but for checkpoints. */
export type UsageKind = 'training' | 'sampling_prefill' | 'sampling_sample' | 'checkpoint';

/** How much of one kind one session used of one base model within an hour, which `hour` begins. */
export interface UsageRow {
  hour: number;
  session_id: string;
  base_model: string;
  kind: UsageKind;
  quantity: number;
}

export class UsageStore {
  readonly #database: DatabaseSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /** Adds to what is there, all rows at once. */
  add(rows: readonly UsageRow[]): void {
    const statement = this.#database.prepare(
      `INSERT INTO usage VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET quantity = quantity + excluded.quantity`,
    );
    this.#database.exec('BEGIN IMMEDIATE');
    for (const { hour, session_id, base_model, kind, quantity } of rows) {
      statement.run(hour, session_id, base_model, kind, quantity);
    }
    this.#database.exec('COMMIT');
  }

  /** From `start` until before `end`: by the hour, the most first. */
  list(start: number, end: number): UsageRow[] {
    return this.#database
      .prepare(
        'SELECT * FROM usage WHERE hour >= ? AND hour < ? ORDER BY hour, quantity DESC, session_id, kind',
      )
      .all(start, end)
      .map((row) => ({
        hour: integer(row, 'hour'),
        session_id: text(row, 'session_id'),
        base_model: text(row, 'base_model'),
        kind: text(row, 'kind') as UsageKind,
        quantity: integer(row, 'quantity'),
      }));
  }
}
