import type { DatabaseSync } from 'node:sqlite';

/** Starts of a server on this data folder: they tell a lost request id from one that never was. */
export class BootStore {
  readonly #database: DatabaseSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  insert(id: string, startedAt: number): void {
    this.#database.prepare('INSERT INTO boots VALUES (?, ?)').run(id, startedAt);
  }

  has(id: string): boolean {
    return this.#database.prepare('SELECT 1 FROM boots WHERE id = ?').get(id) !== undefined;
  }
}
