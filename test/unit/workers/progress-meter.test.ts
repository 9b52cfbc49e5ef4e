import { describe, expect, test } from 'vitest';
import { ManualClock } from '../../../src/core/clock.ts';
import type { DownloadProgress } from '../../../src/types/downloads.ts';
import { ProgressMeter } from '../../../src/workers/progress-meter.ts';

function createMeter(startBytes: number, totalBytes?: number) {
  const clock = new ManualClock();
  const reports: DownloadProgress[] = [];
  const meter = new ProgressMeter({
    phase: 'transferring',
    startBytes,
    totalBytes,
    now: () => clock.now(),
    report: (progress) => reports.push(progress),
  });
  return { clock, reports, meter };
}

describe('ProgressMeter', () => {
  test('reports at most ten times a second however often it is told', () => {
    const { clock, reports, meter } = createMeter(0);
    for (let millisecond = 1; millisecond <= 1000; millisecond++) {
      clock.advance(1);
      meter.update(millisecond * 10);
    }
    meter.finish();
    expect(reports.length).toBeGreaterThan(5);
    expect(reports.length).toBeLessThanOrEqual(10);
    expect(reports.at(-1)).toMatchObject({ receivedBytes: 10_000, ratePerSecond: 10_000 });
  });

  test('counts bytes of earlier attempts as received but not as speed', () => {
    const { clock, reports, meter } = createMeter(1_000_000, 2_000_000);
    clock.advance(500);
    meter.update(1_000_500);
    expect(reports).toEqual([
      { phase: 'transferring', receivedBytes: 1_000_500, totalBytes: 2_000_000, ratePerSecond: 1000 },
    ]);
  });

  test('tells the last count once at the end, and nothing when there is nothing new', () => {
    const { reports, meter } = createMeter(0);
    meter.update(7);
    meter.finish();
    meter.finish();
    expect(reports).toEqual([{ phase: 'transferring', receivedBytes: 7 }]);
  });
});
