import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, it, onTestFinished } from 'vitest';
import { openDatabase } from '../../../src/server/store/database.ts';

it('opens the file of an earlier version, which gets what is new', () => {
  const folder = mkdtempSync(join(tmpdir(), 'database-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  openDatabase(folder).close();
  const earlier = new DatabaseSync(join(folder, 'tinker.db'));
  earlier.exec(`
    ALTER TABLE training_runs DROP COLUMN copied_from; DROP TABLE audit; DROP TABLE usage; PRAGMA user_version = 1;
    INSERT INTO sessions VALUES ('s', 1, 'active', NULL, '[]', '{}', NULL, NULL, NULL);
    INSERT INTO training_runs VALUES ('s:train:0', 's', 'local/random', '{}', '{}', '{}', 1, 1);
  `);
  earlier.close();
  const database = openDatabase(folder);
  expect(database.prepare('SELECT id, copied_from FROM training_runs').all()).toEqual([
    { id: 's:train:0', copied_from: null },
  ]);
  expect(database.prepare('SELECT count(*) AS total FROM audit, usage').get()).toEqual({ total: 0 });
  database.close();
});
