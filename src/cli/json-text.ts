import type { OutputFormat } from './context.ts';

/** A document as the JSON formats print it: indented by 2, or on one line. */
export function toJsonText(document: unknown, format: OutputFormat): string {
  return JSON.stringify(document, null, format === 'jsonl' ? undefined : 2);
}
