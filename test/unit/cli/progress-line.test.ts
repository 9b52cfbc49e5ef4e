import { describe, expect, it } from 'vitest';
import { formatProgressLine, type ProgressState } from '../../../src/cli/progress-line.ts';

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
  it('shows label, phase, bar, amount, share and the time that is left', () => {
    expect(formatProgressLine(state, 120)).toBe(
      'weights/final  downloading  [#########---------------------------]  25.0 KB/100.0 KB   25%  00:00:03',
    );
  });

  it('shortens the bar where the terminal is narrow', () => {
    const line = formatProgressLine(state, 80);
    expect(line).toHaveLength(80);
    expect(line).toContain('downloading  [###');
  });

  it('drops the phase before the bar, and the bar last', () => {
    expect(formatProgressLine(state, 70)).toMatch(/^weights\/final {2}\[#+-+\] {2}25\.0 KB/);
    expect(formatProgressLine(state, 50)).toBe('weights/final  25.0 KB/100.0 KB   25%  00:00:03');
  });

  it.each([0, 1, 10, 35, 60])('never exceeds %d columns', (width) => {
    expect(formatProgressLine(state, width).length).toBeLessThanOrEqual(width);
    expect(formatProgressLine({ ...state, totalCount: undefined }, width).length).toBeLessThanOrEqual(width);
  });

  it('shows only the amount while the total is unknown', () => {
    expect(formatProgressLine({ ...state, totalCount: undefined }, 80)).toBe(
      'weights/final  downloading  25.0 KB',
    );
  });

  it('shows no time while the rate is unknown', () => {
    expect(formatProgressLine({ ...state, ratePerSecond: undefined }, 80)).toMatch(/ 25%$/);
  });

  it('keeps the end of a long path, which tells checkpoints apart', () => {
    const label = 'tinker://0123456789-0123456789:train:0/weights/final';
    expect(formatProgressLine({ ...state, label, totalCount: undefined, count: 0 }, 80)).toBe(
      '…56789:train:0/weights/final  downloading',
    );
  });

  it('counts items as they are', () => {
    expect(
      formatProgressLine(
        { label: 'Fetching all runs', phase: '', count: 100, totalCount: 400, unit: 'items' },
        60,
      ),
    ).toMatch(/^Fetching all runs {2}\[#+-+\] {2}100\/400 {3}25%$/);
  });
});
