import { formatBytes, formatDuration } from './format-values.ts';

/** What is known of a piece of work while it runs. */
export interface ProgressState {
  label: string;
  /** What is being done, or how it ended. */
  phase: string;
  count: number;
  /** Undefined while nobody knows. */
  totalCount?: number | undefined;
  ratePerSecond?: number | undefined;
  unit: 'bytes' | 'items';
}

const widestBar = 36;
const narrowestBar = 10;

/** One line of at most `width` columns: `LABEL  phase  [####----]  1.0 MB/4.0 MB   25%  00:00:03`. */
export function formatProgressLine(state: ProgressState, width: number): string {
  const { label, phase, count, totalCount, ratePerSecond, unit } = state;
  const format = unit === 'bytes' ? formatBytes : String;
  const head = phase === '' ? label : `${label}  ${phase}`;
  if (totalCount === undefined || totalCount <= 0) {
    return (count > 0 ? `${head}  ${format(count)}` : head).slice(0, width);
  }
  const share = Math.min(1, count / totalCount);
  const eta =
    ratePerSecond === undefined || ratePerSecond <= 0
      ? ''
      : formatDuration((totalCount - count) / ratePerSecond);
  const facts = [`${format(count)}/${format(totalCount)}`, `${Math.floor(share * 100)}%`.padStart(4), eta];
  const tail = facts.filter((fact) => fact !== '').join('  ');
  const barWidth = Math.min(widestBar, width - head.length - tail.length - '  []  '.length);
  const bar =
    barWidth < narrowestBar ? '' : `[${'#'.repeat(Math.floor(share * barWidth)).padEnd(barWidth, '-')}]`;
  return [head, bar, tail]
    .filter((part) => part !== '')
    .join('  ')
    .slice(0, width);
}

/** The end of a long text, which tells paths apart better than their beginning. */
export function shorten(text: string, length: number): string {
  return text.length <= length ? text : `…${text.slice(text.length - length + 1)}`;
}
