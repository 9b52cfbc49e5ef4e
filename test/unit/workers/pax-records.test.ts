import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parsePaxRecords } from '../../../src/workers/pax-records.ts';
import { paxEntry } from '../../helpers/archives.ts';

/** The body of the header that `paxEntry` writes. */
function bodyOf(records: Record<string, string>): Buffer {
  const entry = paxEntry(records);
  return entry.subarray(512, 512 + Number.parseInt(entry.toString('latin1', 124, 135), 8));
}

describe('parsePaxRecords', () => {
  test('reads back whatever a strict writer writes, line breaks and equal signs in values included', () => {
    const key = fc.string({ minLength: 1, maxLength: 20 }).filter((text) => !/[=\0]/.test(text));
    fc.assert(
      fc.property(
        fc.dictionary(key, fc.string({ unit: 'binary', maxLength: 200 }), { maxKeys: 5 }),
        (records) => {
          expect(Object.fromEntries(parsePaxRecords(bodyOf(records)))).toEqual({ ...records });
        },
      ),
    );
  });

  test.each([
    '12 path=a\n',
    '9 path=ab\n',
    'x path=a\n',
    '10path=abc\n',
    '9 =value\n',
    '6 path',
    '-9 path=a\n',
    '010 path=a\n',
  ])('refuses %j as damaged rather than guess', (body) => {
    expect(() => parsePaxRecords(Buffer.from(body))).toThrow(
      expect.objectContaining({ code: 'corrupt_archive' }),
    );
  });
});
