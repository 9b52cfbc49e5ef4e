import { UsageError } from './errors.ts';

/** What `--metadata key=value` says, given any number of times. */
export function toPairs(texts: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    texts.map((pair) => {
      const [, key, value] = /^([^=]+)=(.*)$/s.exec(pair) ?? [];
      if (key !== undefined && value !== undefined) return [key, value];
      throw new UsageError(
        `--metadata must look like key=value, and is ${pair}`,
        'For example: --metadata team=evals',
      );
    }),
  );
}
