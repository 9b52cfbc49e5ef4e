import { z } from 'zod';

const price = z.number().nonnegative().optional();
// Strict, lest a misspelt name cost nothing.
const pricesSchema = z.strictObject({
  /** Per million tokens, by model; `*` is for all others. */
  models: z
    .record(
      z.string(),
      z.strictObject({
        training: price,
        sampling_prefill: price,
        sampling_prefill_cached: price,
        sampling_sample: price,
      }),
    )
    .default({}),
  storage_per_gigabyte_month: price,
});

/** What somebody pays, in dollars. */
export type Prices = z.infer<typeof pricesSchema>;

/** Throws an error that says in the file's terms what is wrong. */
export function parsePrices(value: unknown): Prices {
  const parsed = pricesSchema.safeParse(value);
  if (!parsed.success) throw new Error(z.prettifyError(parsed.error), { cause: parsed.error });
  return parsed.data;
}
