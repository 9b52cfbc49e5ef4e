import { mkdtempDisposable, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { priceOf, readPrices } from '../../../src/cli/prices.ts';
import { summarize } from '../../../src/cli/usage-summary.ts';
import { billingUsageEventSchema } from '../../../src/types/administration.ts';
import type { Prices } from '../../../src/types/prices.ts';

async function readText(text: string): Promise<Prices> {
  await using folder = await mkdtempDisposable(path.join(tmpdir(), 'tinker-test-'));
  const file = path.join(folder.path, 'prices.json');
  await writeFile(file, text);
  return await readPrices(file);
}

function event(event_info: object, more: object = {}) {
  const hour = { bucket_start: '2026-07-01T00:00:00Z', bucket_end: '2026-07-01T01:00:00Z' };
  return billingUsageEventSchema.parse({ ...hour, base_model: 'm', event_info, ...more });
}

const prices: Prices = {
  models: { m: { training: 2 }, '*': { training: 9, sampling_prefill: 1, sampling_prefill_cached: 0.5 } },
  storage_per_gigabyte_month: 0.72,
};

describe('a prices file', () => {
  it.each([
    ['{"models": {"*": {"sampling": 1}}}', 'Unrecognized key: "sampling"\n  → at models["*"]'],
    ['{"model": {}}', 'Unrecognized key: "model"'],
    ['{"models": {"*": {"training": "1"}}}', 'expected number, received string\n  → at models["*"].training'],
    ['{"models": {"*": {"training": -1}}}', 'expected number to be >=0'],
    ['{"models": []}', 'expected record, received array\n  → at models'],
    ['[]', 'expected object, received array'],
    ['{', 'JSON'],
  ])('%s is refused', async (text, reason) => {
    await expect(readText(text)).rejects.toMatchObject({
      code: 'invalid_argument',
      message: expect.stringContaining(reason),
      hint: expect.stringContaining('For example'),
    });
  });

  it('is read', async () => {
    expect(await readText(JSON.stringify(prices))).toEqual(prices);
    expect(await readText('{}')).toEqual({ models: {} });
  });
});

describe('what an event costs', () => {
  it.each([
    [{ type: 'training', token_count: 500_000 }, 1],
    [{ type: 'sampling_prefill', cached: false, token_count: 500_000 }, 0.5],
    [{ type: 'sampling_prefill', cached: true, token_count: 500_000 }, 0.25],
    [{ type: 'sampling_sample', token_count: 500_000 }, undefined],
    [{ type: 'storage', gigabyte_hours: 1000 }, 1],
    [{ type: 'storage', free: true, gigabyte_hours: 1000 }, 0],
    [{ type: 'checkpoint', count: 3 }, undefined],
  ])('%j: %d dollars', (info, cost) => {
    expect(priceOf(event(info), prices)).toBe(cost);
  });

  it('is what the server says where the prices do not, and counted where nobody does', () => {
    const sampled = { type: 'sampling_sample', token_count: 10 };
    const events = [
      event(sampled, { estimated_cost_usd: 3, user_name: 'Ann' }),
      event(sampled, { user_name: 'Ann' }),
      event({ type: 'checkpoint', count: 2 }, { user_name: 'Ann' }),
      event({ type: 'training', token_count: 5e6 }, { user_id: 'u2', estimated_cost_usd: 1 }),
    ];
    expect(summarize(events, ['user'], prices)).toMatchObject([
      { user: 'u2', training_tokens: 5e6, cost_usd: 10, unpriced_rows: 0 },
      { user: 'Ann', sampled_tokens: 20, checkpoint_operations: 2, cost_usd: 3, unpriced_rows: 1 },
    ]);
    expect(summarize(events, ['user'], undefined)).toMatchObject([
      { user: 'Ann', cost_usd: 3 },
      { user: 'u2', cost_usd: 1 },
    ]);
  });
});
