import type { BillingUsageEvent, BillingUsageResponse } from '../../types/administration.ts';
import { askAdmin } from '../admin.ts';
import type { CommandContext } from '../context.ts';
import { toCellText, writeCsv, type Cell } from '../csv.ts';
import { plural } from '../format-values.ts';
import type { CommandResult } from '../result.ts';
import { wholeStorage, wholeUsage, wholeUsageEvent } from '../whole-json.ts';

export interface UsageOptions {
  csv?: string | undefined;
  sessionsCsv?: string | undefined;
}

export interface StorageOptions {
  projectId?: string | undefined;
  csv?: string | undefined;
}

type Row = Record<string, Cell>;

export async function showUsage(
  context: CommandContext,
  starting_on: string,
  ending_before: string,
  { csv = csvByFormat(context), sessionsCsv }: UsageOptions,
): Promise<CommandResult | undefined> {
  const usage = await askAdmin(context, 'the figures', (admin) =>
    admin.getBillingUsage({ starting_on, ending_before }, { signal: context.signal }),
  );
  const rows = usage.data.map(flatten);
  const headers = headersOf(rows);
  const cells = rows.map((row) => headers.map((header) => row[header]));
  if (sessionsCsv !== undefined) {
    await writeCsv(context, sessionsCsv, ['session_id', 'user_metadata'], toSessionRows(usage));
  }
  if (csv !== undefined) await writeCsv(context, csv, headers, cells);
  if (csv !== undefined || sessionsCsv !== undefined) return undefined;
  const json = wholeUsage(usage);
  const items = json.data;
  if (rows.length === 0) return { json, items, view: { lines: ['No billing usage in this window'] } };
  const title = plural(rows.length, 'hourly usage row');
  const texts = rows.map((row) => headers.map((header) => toText(row, header)));
  return { json, items, view: { table: { title, headers, rows: texts } } };
}

export async function showStorage(
  context: CommandContext,
  { projectId, csv = csvByFormat(context) }: StorageOptions,
): Promise<CommandResult | undefined> {
  const usage = await askAdmin(context, 'the figures', (admin) =>
    admin.getCurrentCheckpointStorageUsage({ project_id: projectId }, { signal: context.signal }),
  );
  const rate = { effective_rate_usd_per_gigabyte_month: usage.effective_rate_usd_per_gigabyte_month ?? null };
  const rows = usage.data.map((row): Row => ({ ...rate, ...row }));
  const headers = [
    'effective_rate_usd_per_gigabyte_month',
    'project_id',
    'org_user_urn',
    'user_email',
    'user_name',
    'checkpoint_count',
    'size_bytes',
    'size_gigabytes',
    'estimated_monthly_cost_usd',
  ];
  if (csv !== undefined) {
    await writeCsv(
      context,
      csv,
      headers,
      rows.map((row) => headers.map((header) => row[header])),
    );
    return undefined;
  }
  const json = wholeStorage(usage);
  const items = json.data.map((row) => ({ ...rate, ...row }));
  if (rows.length === 0) return { json, items, view: { lines: ['No active checkpoint storage'] } };
  const texts = rows.map((row) => headers.map((header) => toCellText(row[header])));
  return { json, items, view: { table: { title: 'Current checkpoint storage', headers, rows: texts } } };
}

/** `--format csv` is `--csv -`. */
function csvByFormat({ format }: CommandContext): string | undefined {
  return format === 'csv' ? '-' : undefined;
}

/** The fields of a row in their order, those of `event_info` in its place. */
function flatten(usageEvent: BillingUsageEvent): Row {
  const { event_info, ...event } = wholeUsageEvent(usageEvent);
  return { ...event, ...event_info };
}

function headersOf(rows: readonly Row[]): string[] {
  return [...new Set(rows.flatMap((row) => Object.keys(row)))];
}

/** A blank where a row has no such field, `null` where it has a cost or rate that is not known yet. */
function toText(row: Row, header: string): string {
  const value = row[header];
  if (value === null && isPriceOf(row, header)) return 'null';
  return toCellText(value);
}

function isPriceOf({ type }: Row, header: string): boolean {
  const isStorage = type === 'storage';
  if (header === 'estimated_cost_usd') return type !== 'checkpoint';
  if (header === 'effective_rate_usd_per_gigabyte_month') return isStorage;
  return header === 'effective_rate_usd_per_million_tokens' && !isStorage && type !== 'checkpoint';
}

function toSessionRows({ sessions }: BillingUsageResponse): Cell[][] {
  return Object.entries(sessions).map(([id, { user_metadata }]) => [
    id,
    user_metadata == null ? null : JSON.stringify(user_metadata),
  ]);
}
