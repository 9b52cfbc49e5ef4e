import { describe, expect, it } from 'vitest';
import { toCsv } from '../../../src/cli/csv.ts';

describe('CSV (features 2.3)', () => {
  it('quotes what would break a row, whatever ends its lines', () => {
    expect(toCsv([['a,b', 'say "x"', 'one\ntwo', 'one\rtwo', 'plain', ' kept ']])).toBe(
      '"a,b","say ""x""","one\ntwo","one\rtwo",plain, kept \r\n',
    );
  });

  it('has blanks for nothing, and truth as Python writes it', () => {
    expect(
      toCsv([
        ['a', 'b', 'c', 'd', 'e'],
        [null, undefined, true, false, 1.5],
      ]),
    ).toBe('a,b,c,d,e\r\n,,True,False,1.5\r\n');
  });
});
