import type { AuditEventType, AuditLogEntry } from '../../types/administration.ts';
import { withService } from '../connect.ts';
import type { CommandContext } from '../context.ts';
import { plural } from '../format-values.ts';
import { listTable, type Column, type CommandResult } from '../result.ts';
import { tellOfWait } from '../waiting.ts';

export interface AuditOptions {
  day?: string | undefined;
  type: AuditEventType;
}

export async function showAudit(
  context: CommandContext,
  { day, type }: AuditOptions,
): Promise<CommandResult> {
  const { signal } = context;
  using _wait = tellOfWait(context, 'the audit log');
  const log = await withService(context, async (_, service) => {
    await using admin = await service.createAdminClient({ signal });
    return await admin.getAuditLog({ event_type: type, day }, { signal });
  });
  const title = log.entries.length === 0 ? 'No events' : plural(log.entries.length, 'event');
  return { json: log, view: { table: listTable(title, columns, log.entries) } };
}

const columns: readonly Column<AuditLogEntry>[] = [
  { header: 'Time', cell: ({ timestamp }) => timestamp },
  { header: 'Event', cell: ({ event }) => event },
  { header: 'Details', cell: ({ event_details }) => describe(event_details) },
];

function describe(details: Readonly<Record<string, unknown>>): string {
  return Object.entries(details)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(' ');
}
