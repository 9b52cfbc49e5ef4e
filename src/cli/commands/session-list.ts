import type { SessionSummary } from '../../types/session-search.ts';
import { collectItems, listTitle, pageSize } from '../collect-items.ts';
import { withService } from '../connect.ts';
import type { CommandContext } from '../context.ts';
import { UsageError } from '../errors.ts';
import { fetchProgress } from '../fetch-progress.ts';
import { formatBytes, formatRelativeTime } from '../format-values.ts';
import { listTable, type Column, type CommandResult } from '../result.ts';

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

export async function listSessions(
  context: CommandContext,
  { limit }: SessionListOptions,
): Promise<CommandResult> {
  return withService(context, async (rest) => {
    using progress = fetchProgress(context, 'sessions', limit);
    const pages = rest.listSessions({ limit: pageSize(limit, largestPage) }, { signal: context.signal });
    const { items } = await collectItems(pages, limit, progress.update);
    const title = listTitle('session', items.length, undefined);
    const columns = [{ header: 'Session ID', cell: (id: string) => id }];
    return { json: { sessions: items }, view: { table: listTable(title, columns, items) } };
  });
}

export async function searchSessions(
  context: CommandContext,
  { limit, name, metadata, projectId }: SessionSearchOptions,
): Promise<CommandResult> {
  const search = {
    limit: pageSize(limit, largestPage),
    display_name: name,
    user_metadata: toMetadata(metadata),
    project_ids: projectId.length === 0 ? undefined : [...projectId],
  };
  return withService(context, async (rest) => {
    using progress = fetchProgress(context, 'sessions', limit);
    const pages = rest.searchSessions(search, { signal: context.signal });
    const { items } = await collectItems(pages, limit, progress.update);
    const title = listTitle('session', items.length, undefined);
    const table = listTable(title, summaryColumns(context.clock.now()), items);
    return { json: { sessions: items }, view: { table } };
  });
}

function toMetadata(pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const [, key, value] = /^([^=]+)=(.*)$/s.exec(pair) ?? [];
      if (key !== undefined && value !== undefined) return [key, value];
      throw new UsageError(
        `--metadata must look like key=value, and is ${pair}`,
        'For example: --metadata team=evals',
      );
    }),
  );
}

function summaryColumns(now: number): Column<SessionSummary>[] {
  return [
    { header: 'Session ID', cell: ({ session_id }) => session_id },
    { header: 'Name', cell: ({ display_name }) => display_name ?? '' },
    { header: 'Created', cell: ({ created_at }) => formatRelativeTime(created_at, now) },
    { header: 'Status', cell: ({ status }) => status?.type ?? 'unknown' },
    { header: 'Checkpoints', cell: ({ checkpoints_count }) => String(checkpoints_count) },
    { header: 'Storage', cell: ({ checkpoint_storage_bytes }) => formatBytes(checkpoint_storage_bytes) },
    { header: 'Project', cell: ({ project_id }) => project_id },
  ];
}
