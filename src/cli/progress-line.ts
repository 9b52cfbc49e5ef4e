import { formatBytes, formatDuration } from './format-values.ts';

/** What is known of a piece of work while it runs. */
export interface ProgressState {
  label: string;
  /** What is being done, or how it ended. */
  phase: string;
  count: number;
  /** Undefined while nobody knows. */
  totalCount?: number | undefined;
  /** `totalCount` is a guess from what is known so far. */
  isEstimate?: boolean | undefined;
  ratePerSecond?: number | undefined;
  unit: 'bytes' | 'items';
  /** Stands for all lines together: the phase belongs to its label. */
  isSummary?: boolean | undefined;
}

const widestLabel = 28;
const narrowestLabel = 12;
const widestBar = 36;
const narrowestBar = 10;
/** Of columns that lines below each other share. */
const phaseWidth = 'downloading'.length;
const amountWidth = '999.9 MB/~999.9 MB'.length;
const rateWidth = '999.9 MB/s'.length;
const timeWidth = '00:00:00'.length;

/** What a label takes of a line, where `labels` stand below each other. */
export function labelWidthOf(states: Iterable<ProgressState>, width: number): number {
  const lengths = Array.from(states, (state) => labelOf(state).length);
  return Math.min(Math.max(...lengths), widestLabelOn(width, 'bytes'));
}

/**
 * One line of at most `width` columns: `LABEL  phase  [####----]  1.0 MB/4.0 MB   25%  2.0 MB/s  00:00:03`. Where it is
 * narrow, first the phase is left out, then the percentage, the rate, and at last the bar.
 */
export function formatProgressLine(state: ProgressState, width: number, labelWidth = 0): string {
  const { phase, count, totalCount, unit, isSummary = false } = state;
  const label = shorten(labelOf(state), widestLabelOn(width, unit)).padEnd(labelWidth);
  const hasPhase = !isSummary && phase !== '';
  if (totalCount === undefined || totalCount <= 0) {
    const amount = count > 0 ? formatCount(count, unit) : '';
    const parts = [label, ...(hasPhase ? [amount === '' ? phase : phase.padEnd(phaseWidth)] : []), amount];
    return join([...parts, formatRate(state)]).slice(0, width);
  }
  const share = Math.min(1, count / totalCount);
  const amount = describeAmount(state, totalCount);
  const percentage = `${Math.floor(share * 100)}%`.padStart(4);
  const isBytes = unit === 'bytes';
  const rate = isBytes ? formatRate(state).padStart(rateWidth) : '';
  const left = formatTimeLeft(state, totalCount).padStart(isBytes ? timeWidth : 0);
  const phaseColumn = isBytes ? [(hasPhase ? phase : '').padEnd(phaseWidth)] : [];
  const choices = [
    { start: [label, ...phaseColumn], end: [amount, percentage, rate, left] },
    { start: [label], end: [amount, percentage, rate, left] },
    { start: [label], end: [amount, rate, left] },
    { start: [label], end: [amount, percentage, left] },
    { start: [label], end: [amount, percentage] },
  ];
  for (const { start, end } of choices) {
    const room = width - start.join('  ').length - join(end).length - '  []  '.length;
    if (room < narrowestBar) continue;
    const barWidth = Math.min(widestBar, room);
    const bar = '#'.repeat(Math.floor(share * barWidth)).padEnd(barWidth, '-');
    return [...start, `[${bar}]`, join(end)].join('  ').trimEnd();
  }
  return join([label.trimEnd(), amount.trimStart(), percentage, left.trimStart()]).slice(0, width);
}

function labelOf({ label, phase, isSummary = false }: ProgressState): string {
  return isSummary ? `${label}  ${phase}` : label;
}

/** What counts items has few columns besides. */
function widestLabelOn(width: number, unit: ProgressState['unit']): number {
  if (unit === 'items') return widestLabel;
  return Math.max(narrowestLabel, Math.min(widestLabel, Math.floor(width * 0.3)));
}

/** Columns two apart; what is empty is left out. */
function join(parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join('  ');
}

function describeAmount({ count, unit, isEstimate = false }: ProgressState, totalCount: number): string {
  const amount = `${formatCount(count, unit)}/${isEstimate ? '~' : ''}${formatCount(totalCount, unit)}`;
  return unit === 'bytes' ? amount.padStart(amountWidth) : amount;
}

function formatRate({ ratePerSecond = 0, unit }: ProgressState): string {
  return ratePerSecond > 0 && unit === 'bytes' ? `${formatBytes(ratePerSecond)}/s` : '';
}

function formatTimeLeft({ count, ratePerSecond = 0 }: ProgressState, totalCount: number): string {
  return ratePerSecond > 0 ? formatDuration((totalCount - count) / ratePerSecond) : '';
}

function formatCount(count: number, unit: ProgressState['unit']): string {
  return unit === 'bytes' ? formatBytes(count) : String(count);
}

/** The end of a long text, which tells paths apart better than their beginning. */
function shorten(text: string, length: number): string {
  return text.length <= length ? text : `…${text.slice(text.length - length + 1)}`;
}
