import type { BillingUsageEvent } from '../types/administration.ts';
import type { Prices } from '../types/prices.ts';
import { priceOf } from './prices.ts';

export type GroupKey = 'project_id' | 'base_model' | 'user';

/** What a group used. Only the keys that it was grouped by are there. */
export interface Summary extends Partial<Record<GroupKey, string | null>> {
  training_tokens: number;
  /** Prompt tokens of samples, without those that the server had in its cache. */
  prefill_tokens: number;
  cached_prefill_tokens: number;
  sampled_tokens: number;
  checkpoint_operations: number;
  gigabyte_hours: number;
  cost_usd: number;
  /** Rows with tokens or storage of which neither the prices nor the server say what they cost. */
  unpriced_rows: number;
}

/** Adds events up by these keys, the dearest group first. Prices win over the server's estimates. */
export function summarize(
  events: readonly BillingUsageEvent[],
  groupBy: readonly GroupKey[],
  prices: Prices | undefined,
): Summary[] {
  const groups = new Map<string, Summary>();
  for (const event of events) {
    const keys = groupBy.map((key) => [key, valueOf(event, key)] as const);
    const id = JSON.stringify(keys);
    const group = groups.get(id) ?? { ...Object.fromEntries(keys), ...nothing };
    groups.set(id, group);
    add(group, event, prices);
  }
  return [...groups.values()].toSorted(
    (one, other) =>
      other.cost_usd - one.cost_usd || toOrder(one, groupBy).localeCompare(toOrder(other, groupBy)),
  );
}

/** Of all groups together. */
export function toTotal(rows: readonly Summary[]): Summary {
  const total: Summary = { ...nothing };
  for (const row of rows) for (const name of amounts) total[name] += row[name];
  return total;
}

const nothing = {
  training_tokens: 0,
  prefill_tokens: 0,
  cached_prefill_tokens: 0,
  sampled_tokens: 0,
  checkpoint_operations: 0,
  gigabyte_hours: 0,
  cost_usd: 0,
  unpriced_rows: 0,
};
const amounts = Object.keys(nothing) as (keyof typeof nothing)[];

function add(group: Summary, event: BillingUsageEvent, prices: Prices | undefined): void {
  const info = event.event_info;
  switch (info.type) {
    case 'training':
      group.training_tokens += info.token_count;
      break;
    case 'sampling_prefill':
      if (info.cached) group.cached_prefill_tokens += info.token_count;
      else group.prefill_tokens += info.token_count;
      break;
    case 'sampling_sample':
      group.sampled_tokens += info.token_count;
      break;
    case 'storage':
      group.gigabyte_hours += info.gigabyte_hours;
      break;
    case 'checkpoint':
      group.checkpoint_operations += info.count;
      return;
  }
  const cost = (prices === undefined ? undefined : priceOf(event, prices)) ?? event.estimated_cost_usd;
  if (cost == null) group.unpriced_rows += 1;
  else group.cost_usd += cost;
}

function valueOf(event: BillingUsageEvent, key: GroupKey): string | null {
  return (key === 'user' ? (event.user_name ?? event.user_id) : event[key]) ?? null;
}

function toOrder(row: Summary, groupBy: readonly GroupKey[]): string {
  return groupBy.map((key) => row[key] ?? '').join('\n');
}
