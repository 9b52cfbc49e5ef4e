import type { DatabaseSync } from 'node:sqlite';
import { integer, text } from './database.ts';

/** Something that was done, `<resource>_<action>`, with what it was done to. */
export interface AuditRow {
  at: number;
  event: string;
  details: Record<string, unknown>;
}

/** What was done with checkpoints, sessions, projects and keys, in the order in which it happened. */
export class AuditStore {
  readonly #database: DatabaseSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  insert({ at, event, details }: AuditRow): void {
    this.#database.prepare('INSERT INTO audit VALUES (?, ?, ?)').run(at, event, JSON.stringify(details));
  }

  /** From `start` until before `end`, oldest first. */
  list(start: number, end: number): AuditRow[] {
    return this.#database
      .prepare('SELECT * FROM audit WHERE at >= ? AND at < ? ORDER BY at, rowid')
      .all(start, end)
      .map((row) => ({
        at: integer(row, 'at'),
        event: text(row, 'event'),
        details: JSON.parse(text(row, 'details')),
      }));
  }
}
