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

const widestLabel = 28;
const widestBar = 36;
const narrowestBar = 10;

/** One line of at most `width` columns: `LABEL  phase  [####----]  1.0 MB/4.0 MB   25%  00:00:03`. */
export function formatProgressLine(state: ProgressState, width: number): string {
  const { phase, count, totalCount, unit } = state;
  const label = shorten(state.label, widestLabel);
  const head = phase === '' ? label : `${label}  ${phase}`;
  if (totalCount === undefined || totalCount <= 0) {
    return (count > 0 ? `${head}  ${formatCount(count, unit)}` : head).slice(0, width);
  }
  const share = Math.min(1, count / totalCount);
  const tail = describeShare(state, share, totalCount);
  // Where the line is short, the bar says more than the phase.
  for (const start of [head, label]) {
    const barWidth = Math.min(widestBar, width - start.length - tail.length - '  []  '.length);
    if (barWidth < narrowestBar) continue;
    const bar = '#'.repeat(Math.floor(share * barWidth)).padEnd(barWidth, '-');
    return `${start}  [${bar}]  ${tail}`;
  }
  return `${label}  ${tail}`.slice(0, width);
}

function describeShare(
  { count, ratePerSecond = 0, unit }: ProgressState,
  share: number,
  totalCount: number,
): string {
  const amount = `${formatCount(count, unit)}/${formatCount(totalCount, unit)}`;
  const percentage = `${Math.floor(share * 100)}%`.padStart(4);
  const eta = ratePerSecond > 0 ? `  ${formatDuration((totalCount - count) / ratePerSecond)}` : '';
  return `${amount}  ${percentage}${eta}`;
}

function formatCount(count: number, unit: ProgressState['unit']): string {
  return unit === 'bytes' ? formatBytes(count) : String(count);
}

/** The end of a long text, which tells paths apart better than their beginning. */
function shorten(text: string, length: number): string {
  return text.length <= length ? text : `…${text.slice(text.length - length + 1)}`;
}
