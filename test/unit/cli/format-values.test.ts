import { describe, expect, it } from 'vitest';
import {
  formatBytes,
  formatDuration,
  formatExpiry,
  formatLora,
  formatRelativeTime,
  withoutControlCharacters,
} from '../../../src/cli/format-values.ts';

const now = Date.parse('2026-03-31T12:00:00Z');
const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

describe('sizes (CLI-18)', () => {
  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1.0 KB'],
    [1536, '1.5 KB'],
    [1024 ** 2, '1.0 MB'],
    [2.5 * 1024 ** 3, '2.5 GB'],
    [1024 ** 4, '1.0 TB'],
    [1024 ** 5, '1.0 PB'],
    [1024 ** 7, '1024.0 EB'],
  ])('%d bytes read %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });

  it.each([[undefined], [null], [-1], [Number.NaN]])('a size of %s is not available', (bytes) => {
    expect(formatBytes(bytes)).toBe('N/A');
  });
});

describe('times (CLI-19)', () => {
  it.each([
    [0, 'just now'],
    [60 * second, 'just now'],
    [61 * second, '1 minute ago'],
    [59 * minute, '59 minutes ago'],
    [hour, '60 minutes ago'],
    [hour + second, '1 hour ago'],
    [23 * hour, '23 hours ago'],
    [day, '1 day ago'],
    [7 * day, '7 days ago'],
    [8 * day, '1 week ago'],
    [30 * day, '4 weeks ago'],
    [31 * day, '2026-02-28'],
  ])('%d ms in the past reads %s', (ago, text) => {
    expect(formatRelativeTime(new Date(now - ago).toISOString(), now)).toBe(text);
  });

  it.each([
    [30 * second, 'in less than a minute'],
    [2 * minute, 'in 2 minutes'],
    [hour + second, 'in 1 hour'],
    [3 * day, 'in 3 days'],
    [14 * day, 'in 2 weeks'],
    [40 * day, '2026-05-10'],
  ])('%d ms in the future reads %s', (ahead, text) => {
    expect(formatRelativeTime(new Date(now + ahead).toISOString(), now)).toBe(text);
  });

  it('a missing or unreadable time is not available', () => {
    expect(formatRelativeTime(undefined, now)).toBe('N/A');
    expect(formatRelativeTime(null, now)).toBe('N/A');
    expect(formatRelativeTime('yesterday-ish', now)).toBe('N/A');
  });

  it('reads times with an offset and microseconds, as the service writes them', () => {
    expect(formatRelativeTime('2026-03-31T13:55:00.790086+02:00', now)).toBe('4 minutes ago');
  });

  it('what has no expiry never expires', () => {
    expect(formatExpiry(null, now)).toBe('Never');
    expect(formatExpiry(new Date(now + 2 * hour + second).toISOString(), now)).toBe('in 2 hours');
  });
});

describe('other values', () => {
  it('LoRA shows the rank where it is known', () => {
    expect(formatLora({ is_lora: true, lora_rank: 32 })).toBe('Yes (Rank 32)');
    expect(formatLora({ is_lora: true, lora_rank: null })).toBe('Yes');
    expect(formatLora({ is_lora: false, lora_rank: 32 })).toBe('No');
  });

  it('durations read as hours, minutes and seconds', () => {
    expect(formatDuration(3.4)).toBe('00:00:03');
    expect(formatDuration(3725)).toBe('01:02:05');
    expect(formatDuration(-1)).toBe('00:00:00');
  });

  it('control characters of foreign text are shown instead of sent to the terminal', () => {
    expect(withoutControlCharacters('a\u001b[31mb\nc\u0007')).toBe('a\\x1b[31mb c\\x07');
  });
});
