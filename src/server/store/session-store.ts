import type { DatabaseSync } from 'node:sqlite';
import { integer, optionalText, text, type Row } from './database.ts';

export type SessionStatus = 'active' | 'success' | 'errored' | 'interrupted' | 'expired';

export interface SessionRow {
  id: string;
  created_at: number;
  status: SessionStatus;
  status_detail: string | null;
  tags: string[];
  user_metadata: Record<string, unknown>;
  display_name: string | null;
  project_id: string | null;
  sdk_version: string | null;
}

export class SessionStore {
  readonly #database: DatabaseSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  insert(session: SessionRow): void {
    this.#database
      .prepare('INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)')
      .run(
        session.id,
        session.created_at,
        session.status,
        session.status_detail,
        JSON.stringify(session.tags),
        JSON.stringify(session.user_metadata),
        session.display_name,
        session.project_id,
        session.sdk_version,
      );
  }

  find(id: string): SessionRow | undefined {
    const row = this.#database.prepare('SELECT * FROM sessions WHERE id = ?').get(id);
    return row === undefined ? undefined : toSession(row);
  }

  /** Newest first. */
  listIds(limit: number, offset: number): string[] {
    return this.#database
      .prepare('SELECT id FROM sessions ORDER BY created_at DESC, rowid DESC LIMIT ? OFFSET ?')
      .all(limit, offset)
      .map((row) => text(row, 'id'));
  }

  /** Newest first, from the one after `lastId` on, which must exist; read as far as they are asked for. */
  *iterate(lastId: string | undefined): Generator<SessionRow> {
    const rows = this.#database
      .prepare(
        `SELECT * FROM sessions WHERE ?1 IS NULL OR (created_at, rowid) < (SELECT created_at, rowid FROM sessions WHERE id = ?1)
        ORDER BY created_at DESC, rowid DESC`,
      )
      .iterate(lastId ?? null);
    for (const row of rows) yield toSession(row);
  }

  setProject(id: string, projectId: string): void {
    this.#database.prepare('UPDATE sessions SET project_id = ? WHERE id = ?').run(projectId, id);
  }

  listActiveIds(): string[] {
    return this.#database
      .prepare(`SELECT id FROM sessions WHERE status = 'active'`)
      .all()
      .map((row) => text(row, 'id'));
  }

  /** Ends an active session; the first end wins. */
  end(id: string, status: SessionStatus, detail: string | null): boolean {
    const result = this.#database
      .prepare(`UPDATE sessions SET status = ?, status_detail = ? WHERE id = ? AND status = 'active'`)
      .run(status, detail, id);
    return result.changes === 1;
  }
}

function toSession(row: Row): SessionRow {
  return {
    id: text(row, 'id'),
    created_at: integer(row, 'created_at'),
    status: text(row, 'status') as SessionStatus,
    status_detail: optionalText(row, 'status_detail'),
    tags: JSON.parse(text(row, 'tags')),
    user_metadata: JSON.parse(text(row, 'user_metadata')),
    display_name: optionalText(row, 'display_name'),
    project_id: optionalText(row, 'project_id'),
    sdk_version: optionalText(row, 'sdk_version'),
  };
}
