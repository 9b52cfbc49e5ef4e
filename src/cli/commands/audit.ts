import type { AuditEventType, AuditLogEntry, AuditLogResponse } from '../../types/administration.ts';
import { withService } from '../connect.ts';
import type { CommandContext } from '../context.ts';
import { plural } from '../format-values.ts';
import { onePage } from '../list-pages.ts';
import { printList } from '../print-list.ts';
import type { ListColumn } from '../result.ts';
import { tellOfWait } from '../waiting.ts';

export interface AuditOptions {
  day?: string | undefined;
  type: AuditEventType;
}

export async function showAudit(context: CommandContext, options: AuditOptions): Promise<void> {
  const { entries } = await fetchLog(context, options);
  await printList(context, {
    pages: onePage(entries),
    limit: 0,
    nouns: 'events',
    columns,
    title: (count = 0) => (count === 0 ? 'No events' : plural(count, 'event')),
    toJson: (entry) => entry,
    toDocument: (listed) => ({ entries: listed }),
  });
}

async function fetchLog(context: CommandContext, { day, type }: AuditOptions): Promise<AuditLogResponse> {
  const { signal } = context;
  using _wait = tellOfWait(context, 'the audit log');
  return await withService(context, async (_, service) => {
    await using admin = await service.createAdminClient({ signal });
    return await admin.getAuditLog({ event_type: type, day }, { signal });
  });
}

const columns: readonly ListColumn<AuditLogEntry>[] = [
  { header: 'Time', field: 'timestamp', value: ({ timestamp }) => timestamp },
  { header: 'Event', field: 'event', value: ({ event }) => event },
  {
    header: 'Details',
    field: 'event_details',
    value: ({ event_details }) => JSON.stringify(event_details),
    cell: ({ event_details }) => describe(event_details),
  },
];

function describe(details: Readonly<Record<string, unknown>>): string {
  return Object.entries(details)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(' ');
}
