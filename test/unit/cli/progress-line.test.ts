import { describe, expect, it } from 'vitest';
import { formatProgressLine, labelWidthOf, type ProgressState } from '../../../src/cli/progress-line.ts';

const kilobyte = 1024;
const state: ProgressState = {
  label: 'weights/final',
  phase: 'downloading',
  count: 25 * kilobyte,
  totalCount: 100 * kilobyte,
  ratePerSecond: 25 * kilobyte,
  unit: 'bytes',
};

describe('the line of a progress bar (CLI-23)', () => {
  it('shows label, phase, bar, amount, share, rate and the time that is left', () => {
    expect(formatProgressLine(state, 120)).toBe(
      'weights/final  downloading  [#########---------------------------]    25.0 KB/100.0 KB   25%   25.0 KB/s  00:00:03',
    );
  });

  it('leaves out the phase where the terminal is narrow, then the share, the rate, and the bar last', () => {
    expect(formatProgressLine(state, 80)).toMatch(
      /^weights\/final {2}\[#+-+\] {4}25\.0 KB\/100\.0 KB {3}25% {3}25\.0 KB\/s {2}00:00:03$/,
    );
    expect(formatProgressLine(state, 72)).toMatch(/KB {3}25\.0 KB\/s {2}00:00:03$/);
    expect(formatProgressLine(state, 66)).toMatch(/ 25% {2}00:00:03$/);
    expect(formatProgressLine(state, 50)).toBe('weights/final  25.0 KB/100.0 KB   25%  00:00:03');
  });

  it('has its columns below those of the other lines', () => {
    const other = { ...state, label: 'weights/2', count: 9, totalCount: 1000 * kilobyte, ratePerSecond: 999 };
    const total = { ...state, label: 'total', phase: '0 of 2 done', isSummary: true, isEstimate: true };
    const done = { ...state, phase: 'done', totalCount: undefined, ratePerSecond: undefined };
    const lines = (width: number) => {
      const labelWidth = labelWidthOf([total, state, other], width);
      return [total, state, other, done].map((one) => formatProgressLine(one, width, labelWidth));
    };
    expect(lines(104)).toEqual([
      'total  0 of 2 done               [#####----------------]   25.0 KB/~100.0 KB   25%   25.0 KB/s  00:00:03',
      'weights/final       downloading  [#####----------------]    25.0 KB/100.0 KB   25%   25.0 KB/s  00:00:03',
      'weights/2           downloading  [---------------------]       9 B/1000.0 KB    0%     999 B/s  00:17:05',
      'weights/final       done         25.0 KB',
    ]);
    expect(lines(79).slice(0, 2)).toEqual([
      'total  0 of 2 done  [###------------]   25.0 KB/~100.0 KB   25.0 KB/s  00:00:03',
      'weights/final       [###------------]    25.0 KB/100.0 KB   25.0 KB/s  00:00:03',
    ]);
  });

  it.each([0, 1, 10, 35, 60, 79])('never exceeds %d columns', (width) => {
    const label = 'tinker://0123456789-0123456789:train:0/weights/final';
    for (const one of [state, { ...state, label }, { ...state, totalCount: undefined }])
      expect(formatProgressLine(one, width, labelWidthOf([one], width)).length).toBeLessThanOrEqual(width);
  });

  it('shows the amount and the rate while the total is unknown', () => {
    expect(formatProgressLine({ ...state, totalCount: undefined }, 80)).toBe(
      'weights/final  downloading  25.0 KB  25.0 KB/s',
    );
  });

  it('shows no time while the rate is unknown', () => {
    expect(formatProgressLine({ ...state, ratePerSecond: undefined }, 80)).toMatch(/ 25%$/);
  });

  it('keeps the end of a long path, which tells checkpoints apart', () => {
    const label = 'tinker://0123456789-0123456789:train:0/weights/final';
    expect(
      formatProgressLine({ ...state, label, totalCount: undefined, count: 0, ratePerSecond: 0 }, 100),
    ).toBe('…56789:train:0/weights/final  downloading');
  });

  it('counts items as they are', () => {
    expect(
      formatProgressLine(
        { label: 'Fetching all training runs', phase: '', count: 100, totalCount: 400, unit: 'items' },
        60,
        'Fetching all training runs'.length,
      ),
    ).toMatch(/^Fetching all training runs {2}\[#+-+\] {2}100\/400 {3}25%$/);
  });
});
