import type { Checkpoint } from '../../types/checkpoints.ts';
import { withService } from '../connect.ts';
import type { CommandContext } from '../context.ts';
import { formatBoolean, formatBytes, formatExpiry, formatRelativeTime } from '../format-values.ts';
import { listTitle, pageSize } from '../list-pages.ts';
import { printList } from '../print-list.ts';
import type { ListColumn } from '../result.ts';
import { wholeCheckpoint } from '../whole-json.ts';

export interface CheckpointListOptions {
  runId?: string | undefined;
  /** Without effect together with `runId`, as in the official program. */
  limit: number;
}

/** What the official program asks for at once. */
export const largestPage = 1000;

export async function listCheckpoints(
  context: CommandContext,
  { runId, limit }: CheckpointListOptions,
): Promise<void> {
  const { signal, clock } = context;
  const ofRun = runId === undefined ? '' : ` for run ${runId}`;
  await withService(context, (rest) =>
    printList(context, {
      ...(runId === undefined
        ? { pages: rest.listUserCheckpoints({ limit: pageSize(limit, largestPage) }, { signal }), limit }
        : { pages: rest.listCheckpoints(runId, { signal }), limit: 0 }),
      nouns: 'checkpoints',
      columns: checkpointColumns(clock.now()),
      title: (shownCount, totalCount) => listTitle('checkpoint', shownCount, totalCount) + ofRun,
      toJson: wholeCheckpoint,
      toDocument: (items) => ({
        ...(runId === undefined ? {} : { run_id: runId }),
        checkpoints: items.map(wholeCheckpoint),
      }),
    }),
  );
}

export function checkpointColumns(now: number): ListColumn<Checkpoint>[] {
  return [
    { header: 'Checkpoint ID', field: 'checkpoint_id', value: ({ checkpoint_id }) => checkpoint_id },
    { header: 'Type', field: 'checkpoint_type', value: ({ checkpoint_type }) => checkpoint_type },
    {
      header: 'Size',
      field: 'size_bytes',
      value: ({ size_bytes }) => size_bytes,
      cell: ({ size_bytes }) => formatBytes(size_bytes),
    },
    {
      header: 'Public',
      field: 'public',
      value: (checkpoint) => checkpoint.public,
      cell: (checkpoint) => formatBoolean(checkpoint.public),
    },
    {
      header: 'Created',
      field: 'time',
      value: ({ time }) => time,
      cell: ({ time }) => formatRelativeTime(time, now),
    },
    {
      header: 'Expires',
      field: 'expires_at',
      value: ({ expires_at }) => expires_at,
      cell: ({ expires_at }) => formatExpiry(expires_at, now),
    },
    { header: 'Path', field: 'tinker_path', value: ({ tinker_path }) => tinker_path },
  ];
}
