import { readFile } from 'node:fs/promises';
import type { BillingUsageEvent } from '../types/administration.ts';
import { parsePrices, type Prices } from '../types/prices.ts';
import { messageOf } from '../core/thrown.ts';
import { fileOperationError, UsageError } from './errors.ts';

/** The service counts a month as so many hours. */
const hoursPerMonth = 720;
const example =
  '{"models": {"*": {"training": 1.2, "sampling_sample": 0.4}}, "storage_per_gigabyte_month": 0.03}';

/** Reads a prices file. */
export async function readPrices(file: string): Promise<Prices> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw fileOperationError(`read ${file}`, error);
  });
  try {
    return parsePrices(JSON.parse(text));
  } catch (error) {
    throw new UsageError(`${file} is no prices file: ${messageOf(error)}`, `For example: ${example}`);
  }
}

/** What an event costs by these prices; undefined where they do not say. */
export function priceOf(event: BillingUsageEvent, prices: Prices): number | undefined {
  const info = event.event_info;
  if (info.type === 'checkpoint') return undefined;
  if (info.type === 'storage') {
    const rate = prices.storage_per_gigabyte_month;
    return rate === undefined ? undefined : info.free ? 0 : (info.gigabyte_hours * rate) / hoursPerMonth;
  }
  const kind = info.type === 'sampling_prefill' && info.cached ? 'sampling_prefill_cached' : info.type;
  const rate = prices.models[event.base_model ?? '']?.[kind] ?? prices.models['*']?.[kind];
  return rate === undefined ? undefined : (info.token_count * rate) / 1e6;
}
