import type { AuditEventType, AuditLogEntry } from '../../types/administration.ts';
import { askAdmin } from '../admin.ts';
import type { CommandContext } from '../context.ts';
import { plural } from '../format-values.ts';
import { onePage } from '../list-pages.ts';
import { printList } from '../print-list.ts';
import type { ListColumn } from '../result.ts';

export interface AuditOptions {
  day?: string | undefined;
  type: AuditEventType;
}

export async function showAudit(context: CommandContext, { day, type }: AuditOptions): Promise<void> {
  const { entries } = await askAdmin(context, 'the audit log', (admin) =>
    admin.getAuditLog({ event_type: type, day }, { signal: context.signal }),
  );
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
