import { readFile } from 'node:fs/promises';
import type { BillingUsageEvent } from '../types/administration.ts';
import { messageOf } from '../core/thrown.ts';
import { fileOperationError, UsageError } from './errors.ts';

const kinds = ['training', 'sampling_prefill', 'sampling_prefill_cached', 'sampling_sample'] as const;
type Kind = (typeof kinds)[number];
type ModelPrices = Partial<Record<Kind, number>>;

/** What somebody pays, in dollars. */
export interface Prices {
  /** Per million tokens, by model; `*` is for all others. */
  models: Readonly<Record<string, ModelPrices>>;
  storage_per_gigabyte_month?: number | undefined;
}

/** The service counts a month as so many hours. */
const hoursPerMonth = 720;
const example =
  '{"models": {"*": {"training": 1.2, "sampling_sample": 0.4}}, "storage_per_gigabyte_month": 0.03}';

/** Reads a prices file. A name that it may not have is refused, lest a misspelt one cost nothing. */
export async function readPrices(file: string): Promise<Prices> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw fileOperationError(`read ${file}`, error);
  });
  try {
    const {
      models = {},
      storage_per_gigabyte_month,
      ...rest
    } = record('the file', JSON.parse(text) as unknown);
    refuseOthers('the file', rest);
    return {
      models: Object.fromEntries(
        Object.entries(record('models', models)).map(([model, prices]) => [
          model,
          toModelPrices(model, prices),
        ]),
      ),
      storage_per_gigabyte_month:
        storage_per_gigabyte_month === undefined
          ? undefined
          : amount('storage_per_gigabyte_month', storage_per_gigabyte_month),
    };
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

function toModelPrices(model: string, value: unknown): ModelPrices {
  return Object.fromEntries(
    Object.entries(record(model, value)).map(([kind, price]) => {
      if (!kinds.some((known) => known === kind))
        throw new Error(`${model} has no price '${kind}', only ${kinds.join(', ')}`);
      return [kind, amount(`${kind} of ${model}`, price)];
    }),
  );
}

function record(what: string, value: unknown): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  throw new Error(`${what} must be an object`);
}

function refuseOthers(what: string, rest: object): void {
  const [name] = Object.keys(rest);
  if (name !== undefined)
    throw new Error(`${what} has no '${name}', only models and storage_per_gigabyte_month`);
}

function amount(what: string, value: unknown): number {
  if (typeof value === 'number' && value >= 0) return value;
  throw new Error(`${what} must be a number of dollars`);
}
