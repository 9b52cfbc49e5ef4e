import { existsSync, mkdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { InvalidArgumentError } from '../../core/errors.ts';
import { messageOf } from '../../core/thrown.ts';

/** Goes up when the tables change. */
const schemaVersion = 2;

/** What brings a file of that version to the next one, apart from tables that are new. */
const migrations: Readonly<Record<number, string>> = {
  1: 'ALTER TABLE training_runs ADD COLUMN copied_from TEXT;',
};

const schema = `
CREATE TABLE IF NOT EXISTS boots (id TEXT PRIMARY KEY, started_at INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS sessions (
  id TEXT PRIMARY KEY, created_at INTEGER NOT NULL, status TEXT NOT NULL, status_detail TEXT, tags TEXT NOT NULL,
  user_metadata TEXT NOT NULL, display_name TEXT, project_id TEXT, sdk_version TEXT
) STRICT;
CREATE TABLE IF NOT EXISTS training_runs (
  id TEXT PRIMARY KEY, session_id TEXT NOT NULL REFERENCES sessions(id), base_model TEXT NOT NULL, lora_config TEXT NOT NULL,
  optimizer_config TEXT NOT NULL, user_metadata TEXT NOT NULL, created_at INTEGER NOT NULL, last_request_at INTEGER NOT NULL,
  copied_from TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS training_runs_by_session ON training_runs(session_id);
CREATE TABLE IF NOT EXISTS samplers (
  id TEXT PRIMARY KEY, session_id TEXT NOT NULL REFERENCES sessions(id), base_model TEXT NOT NULL, model_path TEXT,
  model_id TEXT, created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS samplers_by_session ON samplers(session_id);
CREATE TABLE IF NOT EXISTS checkpoints (
  run_id TEXT NOT NULL REFERENCES training_runs(id), kind TEXT NOT NULL, name TEXT NOT NULL, revision TEXT NOT NULL,
  created_at INTEGER NOT NULL, expires_at INTEGER, is_public INTEGER NOT NULL, size_bytes INTEGER NOT NULL,
  user_metadata TEXT, base_model TEXT NOT NULL, lora_config TEXT NOT NULL, optimizer_config TEXT NOT NULL,
  PRIMARY KEY (run_id, kind, name)
) STRICT;
CREATE INDEX IF NOT EXISTS checkpoints_by_time ON checkpoints(created_at);
CREATE TABLE IF NOT EXISTS audit (at INTEGER NOT NULL, event TEXT NOT NULL, details TEXT NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS audit_by_time ON audit(at);
CREATE TABLE IF NOT EXISTS usage (
  hour INTEGER NOT NULL, session_id TEXT NOT NULL, base_model TEXT NOT NULL, kind TEXT NOT NULL, quantity INTEGER NOT NULL,
  PRIMARY KEY (hour, session_id, base_model, kind)
) STRICT;
`;

/**
 * Opens `<dataDir>/tinker.db`. The exclusive lock is held until it is closed or the process ends, however it ends, so a
 * second server on the same folder is refused here.
 */
export function openDatabase(dataDir: string): DatabaseSync {
  const database = openFile(dataDir);
  try {
    database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
    const migration = migrations[readVersion(database, dataDir)] ?? '';
    database.exec(`BEGIN IMMEDIATE; ${migration} ${schema} PRAGMA user_version = ${schemaVersion}; COMMIT`);
    return database;
  } catch (error) {
    database.close();
    if (error instanceof Error && /database is locked/.test(error.message)) {
      throw new InvalidArgumentError(
        `The data folder ${dataDir} is in use by another server. Stop that one, or choose another folder.`,
        { cause: error },
      );
    }
    throw error;
  }
}

function readVersion(database: DatabaseSync, dataDir: string): number {
  const version = integer(database.prepare('PRAGMA user_version').get() ?? {}, 'user_version');
  if (version > schemaVersion) {
    throw new InvalidArgumentError(
      `The data folder ${dataDir} was made by a newer version of this package. Update it, or choose another folder.`,
    );
  }
  return version;
}

function openFile(dataDir: string): DatabaseSync {
  try {
    makeFolder(resolve(dataDir));
    return new DatabaseSync(join(dataDir, 'tinker.db'), { timeout: 0 });
  } catch (error) {
    const reason = messageOf(error);
    throw new InvalidArgumentError(`The data folder ${dataDir} cannot be used: ${reason}`, { cause: error });
  }
}

/** Node's own recursive mkdir never ends where a parent answers ENOENT for its children, as /proc does. */
function makeFolder(path: string): void {
  if (existsSync(path)) return;
  makeFolder(dirname(path));
  mkdirSync(path);
}

/** A row of node:sqlite: each column as its own type. */
export type Row = Record<string, unknown>;

/** Reads a column that the schema declares TEXT NOT NULL. */
export function text(row: Row, column: string): string {
  const value = row[column];
  if (typeof value !== 'string') throw new TypeError(`column ${column} is not a text`);
  return value;
}

export function optionalText(row: Row, column: string): string | null {
  return row[column] === null ? null : text(row, column);
}

/** Reads a column that the schema declares INTEGER NOT NULL. */
export function integer(row: Row, column: string): number {
  const value = row[column];
  if (typeof value !== 'number') throw new TypeError(`column ${column} is not an integer`);
  return value;
}

export function optionalInteger(row: Row, column: string): number | null {
  return row[column] === null ? null : integer(row, column);
}
