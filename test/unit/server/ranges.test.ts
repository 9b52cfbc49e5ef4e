import { describe, expect, it } from 'vitest';
import { isRangeStillValid, parseRange } from '../../../src/server/archive/ranges.ts';

describe('parseRange', () => {
  it.each([
    ['bytes=0-9', { start: 0, end: 9 }],
    ['bytes=90-', { start: 90, end: 99 }],
    ['bytes=90-500', { start: 90, end: 99 }],
    ['bytes=-10', { start: 90, end: 99 }],
    ['bytes=-500', { start: 0, end: 99 }],
    [' bytes=99-99 ', { start: 99, end: 99 }],
  ])('reads %s of 100 bytes', (header, range) => {
    expect(parseRange(header, 100)).toEqual(range);
  });

  it.each(['bytes=100-', 'bytes=100-200', 'bytes=-0'])('finds nothing of 100 bytes in %s', (header) => {
    expect(parseRange(header, 100)).toBe('unsatisfiable');
  });

  it.each([undefined, '', 'bytes=', 'bytes=-', 'bytes=9-0', 'bytes=0-1,5-6', 'lines=0-1', 'bytes=a-b'])(
    'sends everything for %j',
    (header) => {
      expect(parseRange(header, 100)).toBeUndefined();
    },
  );
});

describe('isRangeStillValid', () => {
  it('serves a range when If-Range is absent or names the same file', () => {
    expect(isRangeStillValid(undefined, '"a"')).toBe(true);
    expect(isRangeStillValid('"a"', '"a"')).toBe(true);
  });

  it.each(['"b"', 'W/"a"', 'Tue, 24 Nov 2026 21:27:35 GMT'])(
    'sends everything when If-Range is %s',
    (header) => {
      expect(isRangeStillValid(header, '"a"')).toBe(false);
    },
  );
});
