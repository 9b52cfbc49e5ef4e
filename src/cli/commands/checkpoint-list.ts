import type { Checkpoint } from '../../types/checkpoints.ts';
import { collectItems, listTitle, pageSize } from '../collect-items.ts';
import { withService } from '../connect.ts';
import type { CommandContext } from '../context.ts';
import { fetchProgress } from '../fetch-progress.ts';
import { formatBoolean, formatBytes, formatExpiry, formatRelativeTime } from '../format-values.ts';
import { listTable, type Column, type CommandResult } from '../result.ts';
import { wholeCheckpoint } from '../whole-json.ts';

export interface CheckpointListOptions {
  runId?: string | undefined;
  /** Without effect together with `runId`, as in the official program. */
  limit: number;
}

/** What the official program asks for at once. */
const largestPage = 1000;

export async function listCheckpoints(
  context: CommandContext,
  { runId, limit }: CheckpointListOptions,
): Promise<CommandResult> {
  const { signal, clock } = context;
  const columns = checkpointColumns(clock.now());
  return withService(context, async (rest) => {
    if (runId !== undefined) {
      const { items } = await rest.listCheckpoints(runId, { signal });
      const title = `${listTitle('checkpoint', items.length, undefined)} for run ${runId}`;
      return {
        json: { run_id: runId, checkpoints: items.map(wholeCheckpoint) },
        view: { table: listTable(title, columns, items) },
      };
    }
    using progress = fetchProgress(context, 'checkpoints', limit);
    const { items, totalCount } = await collectItems(
      rest.listUserCheckpoints({ limit: pageSize(limit, largestPage) }, { signal }),
      limit,
      progress.update,
    );
    const title = listTitle('checkpoint', items.length, totalCount);
    return {
      json: { checkpoints: items.map(wholeCheckpoint) },
      view: { table: listTable(title, columns, items) },
    };
  });
}

function checkpointColumns(now: number): Column<Checkpoint>[] {
  return [
    { header: 'Checkpoint ID', cell: (checkpoint) => checkpoint.checkpoint_id },
    { header: 'Type', cell: (checkpoint) => checkpoint.checkpoint_type },
    { header: 'Size', cell: (checkpoint) => formatBytes(checkpoint.size_bytes) },
    { header: 'Public', cell: (checkpoint) => formatBoolean(checkpoint.public) },
    { header: 'Created', cell: (checkpoint) => formatRelativeTime(checkpoint.time, now) },
    { header: 'Expires', cell: (checkpoint) => formatExpiry(checkpoint.expires_at, now) },
    { header: 'Path', cell: (checkpoint) => checkpoint.tinker_path },
  ];
}
