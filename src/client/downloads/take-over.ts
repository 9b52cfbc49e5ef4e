import { open } from 'node:fs/promises';
import type { StepTransient } from '../../machines/download-ports.ts';
import type { ArchiveLimits, DownloadSourceKind } from '../../types/downloads.ts';
import type { WorkerPool } from '../../workers/pool.ts';
import { Holdings } from './holdings.ts';
import { readJournal } from './journal.ts';
import type { Workspace } from './workspace.ts';

interface TakeOverOptions {
  workspace: Workspace;
  tinkerPath: string;
  kind: DownloadSourceKind;
  limits: ArchiveLimits;
  pool: WorkerPool;
  signal: AbortSignal;
}

/** What an earlier process has left in the workspace, as far as it is on disk as it was written. Passing when that could not be read. */
export async function takeOver({
  workspace,
  tinkerPath,
  kind,
  limits,
  pool,
  signal,
}: TakeOverOptions): Promise<{ kind: 'held'; holdings: Holdings } | StepTransient> {
  const holdings = await readJournal(workspace.journalPath, tinkerPath, kind, limits);
  const pieces = holdings.pieces();
  if (pieces.length === 0) return { kind: 'held', holdings: new Holdings() };
  const input = { pieces: pieces.map((piece) => ({ ...piece, path: workspace.pathOf(piece.file) })) };
  const outcome = await pool.run('recheck', input, { signal, onMessage: () => undefined });
  signal.throwIfAborted();
  if (outcome.kind === 'lost') return { kind: 'transient', error: outcome.error };
  if (outcome.kind !== 'rechecked') return { kind: 'held', holdings: new Holdings() };
  const intact = new Set(outcome.intact);
  holdings.keepPieces(pieces.filter((_piece, index) => intact.has(index)));
  // An empty file has no piece that could be missed.
  for (const { name, size_bytes } of holdings.placed())
    if (size_bytes === 0) await open(workspace.pathOf(name), 'a').then((handle) => handle.close());
  return { kind: 'held', holdings };
}
