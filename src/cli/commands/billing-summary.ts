import type { AdminClient } from '../../client/admin-client.ts';
import type { BillingUsageEvent } from '../../types/administration.ts';
import { askAdmin } from '../admin.ts';
import type { CommandContext } from '../context.ts';
import { UsageError } from '../errors.ts';
import { plural } from '../format-values.ts';
import { onePage } from '../list-pages.ts';
import { readPrices } from '../prices.ts';
import { printList } from '../print-list.ts';
import type { ListColumn } from '../result.ts';
import { summarize, toTotal, type GroupKey, type Summary } from '../usage-summary.ts';

export interface SummaryOptions {
  /** Keys, separated by commas. */
  by: string;
  prices?: string | undefined;
}

const keys: Readonly<Record<string, GroupKey>> = { project: 'project_id', model: 'base_model', user: 'user' };
const headers: Readonly<Record<GroupKey, string>> = {
  project_id: 'Project',
  base_model: 'Model',
  user: 'User',
};
/** What the API gives at once. */
const longestWindowMs = 14 * 24 * 3_600_000;

/** Usage of any span of time, added up by project, model or user. */
export async function showSummary(
  context: CommandContext,
  startingOn: string,
  endingBefore: string,
  { by, prices: file }: SummaryOptions,
): Promise<void> {
  const groupBy = by.split(',').map(toKey);
  const prices = file === undefined ? undefined : await readPrices(file);
  const windows = toWindows(startingOn, endingBefore);
  const events = await askAdmin(context, 'the figures', (admin) =>
    fetchUsage(admin, windows, context.signal),
  );
  const rows = summarize(events, groupBy, prices);
  const total = toTotal(rows);
  await printList(context, {
    pages: onePage(rows),
    limit: 0,
    nouns: 'figures',
    columns: toColumns(groupBy),
    title: () => toTitle(rows.length, total),
    toJson: (row) => row,
    toDocument: (data) => ({
      starting_on: startingOn,
      ending_before: endingBefore,
      group_by: groupBy,
      data,
      total,
    }),
  });
}

function toKey(text: string): GroupKey {
  const key = keys[text.trim()];
  if (key !== undefined) return key;
  throw new UsageError(
    `Cannot group by '${text.trim()}'.`,
    'Group by project, model or user, or by several: --by project,model',
  );
}

/** Spans of at most 14 days that make up the whole one. */
function toWindows(startingOn: string, endingBefore: string): [string, string][] {
  const [start, end] = [Date.parse(startingOn), Date.parse(endingBefore)];
  // What is no time is left to the client to refuse.
  if (!(end - start > longestWindowMs)) return [[startingOn, endingBefore]];
  const count = Math.ceil((end - start) / longestWindowMs);
  return Array.from({ length: count }, (_, index) => {
    const from = start + index * longestWindowMs;
    return [toText(from), toText(Math.min(from + longestWindowMs, end))];
  });
}

function toText(time: number): string {
  return new Date(time).toISOString().replace('.000', '');
}

async function fetchUsage(
  admin: AdminClient,
  windows: readonly (readonly [string, string])[],
  signal: AbortSignal,
): Promise<BillingUsageEvent[]> {
  const events: BillingUsageEvent[] = [];
  for (const [starting_on, ending_before] of windows) {
    const { data } = await admin.getBillingUsage({ starting_on, ending_before }, { signal });
    events.push(...data);
  }
  return events;
}

function toTitle(count: number, { cost_usd, unpriced_rows }: Summary): string {
  if (count === 0) return 'No billing usage in this window';
  const cost = `${plural(count, 'group')}, $${cost_usd.toFixed(2)}`;
  return unpriced_rows === 0
    ? cost
    : `${cost} without ${plural(unpriced_rows, 'row')} that nobody has priced`;
}

function toColumns(groupBy: readonly GroupKey[]): ListColumn<Summary>[] {
  return [
    ...groupBy.map((key): ListColumn<Summary> => ({
      header: headers[key],
      field: key,
      value: (row) => row[key],
      cell: (row) => row[key] ?? 'none',
    })),
    { header: 'Training Tokens', field: 'training_tokens', value: (row) => row.training_tokens },
    { header: 'Prefill Tokens', field: 'prefill_tokens', value: (row) => row.prefill_tokens },
    { header: 'Cached', field: 'cached_prefill_tokens', value: (row) => row.cached_prefill_tokens },
    { header: 'Sampled Tokens', field: 'sampled_tokens', value: (row) => row.sampled_tokens },
    {
      header: 'Storage GB-hours',
      field: 'gigabyte_hours',
      value: (row) => row.gigabyte_hours,
      cell: (row) => row.gigabyte_hours.toFixed(2),
    },
    {
      header: 'Cost USD',
      field: 'cost_usd',
      value: (row) => row.cost_usd,
      cell: (row) => row.cost_usd.toFixed(4),
    },
    { header: 'Unpriced Rows', field: 'unpriced_rows', value: (row) => row.unpriced_rows },
  ];
}
