import type { SessionSummary } from '../../types/session-search.ts';
import { withService } from '../connect.ts';
import type { CommandContext } from '../context.ts';
import { formatBytes, formatRelativeTime } from '../format-values.ts';
import { listTitle, pageSize } from '../list-pages.ts';
import { toPairs } from '../pairs.ts';
import { printList } from '../print-list.ts';
import type { ListColumn } from '../result.ts';

export interface SessionListOptions {
  limit: number;
}

export interface SessionSearchOptions extends SessionListOptions {
  name?: string | undefined;
  /** `key=value`. */
  metadata: readonly string[];
  projectId: readonly string[];
}

const largestPage = 100;

export async function listSessions(context: CommandContext, { limit }: SessionListOptions): Promise<void> {
  await withService(context, (rest) =>
    printList(context, {
      ...listed(limit),
      pages: rest.listSessions({ limit: pageSize(limit, largestPage) }, { signal: context.signal }),
      columns: [{ header: 'Session ID', field: 'session_id', value: (id) => id }],
      toJson: (id) => ({ session_id: id }),
    }),
  );
}

export async function searchSessions(
  context: CommandContext,
  { limit, name, metadata, projectId }: SessionSearchOptions,
): Promise<void> {
  const search = {
    limit: pageSize(limit, largestPage),
    display_name: name,
    user_metadata: toPairs(metadata),
    project_ids: projectId.length === 0 ? undefined : [...projectId],
  };
  await withService(context, (rest) =>
    printList(context, {
      ...listed(limit),
      pages: rest.searchSessions(search, { signal: context.signal }),
      columns: summaryColumns(context.clock.now()),
      toJson: (session) => session,
    }),
  );
}

function listed(limit: number) {
  return {
    limit,
    nouns: 'sessions',
    title: (shownCount: number | undefined) => listTitle('session', shownCount),
    toDocument: (sessions: readonly unknown[]) => ({ sessions }),
  };
}

function summaryColumns(now: number): ListColumn<SessionSummary>[] {
  return [
    { header: 'Session ID', field: 'session_id', value: ({ session_id }) => session_id },
    { header: 'Name', field: 'display_name', value: ({ display_name }) => display_name },
    {
      header: 'Created',
      field: 'created_at',
      value: ({ created_at }) => created_at,
      cell: ({ created_at }) => formatRelativeTime(created_at, now),
    },
    {
      header: 'Status',
      field: 'status',
      value: ({ status }) => status?.type,
      cell: ({ status }) => status?.type ?? 'unknown',
    },
    {
      header: 'Checkpoints',
      field: 'checkpoints_count',
      value: ({ checkpoints_count }) => checkpoints_count,
    },
    {
      header: 'Storage',
      field: 'checkpoint_storage_bytes',
      value: ({ checkpoint_storage_bytes }) => checkpoint_storage_bytes,
      cell: ({ checkpoint_storage_bytes }) => formatBytes(checkpoint_storage_bytes),
    },
    { header: 'Project', field: 'project_id', value: ({ project_id }) => project_id },
  ];
}
