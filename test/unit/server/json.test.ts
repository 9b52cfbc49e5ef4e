import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseJson } from '../../../src/server/json.ts';

describe('parseJson', () => {
  it('keeps a seq_id beyond 2^53 exact', () => {
    expect(parseJson('{"seq_id":1000000000000000001}')).toEqual({ seq_id: 1000000000000000001n });
    expect(parseJson('[9007199254740993,-9007199254740993]')).toEqual([
      9007199254740993n,
      -9007199254740993n,
    ]);
  });

  it('keeps a seed of any size exact', () => {
    expect(parseJson(`{"seed": ${2n ** 70n}}`)).toEqual({ seed: 2n ** 70n });
  });

  it('leaves safe integers and decimals numbers', () => {
    expect(parseJson('[9007199254740991, 0.12345678901234567, 1e300, 1234567890123456.5]')).toEqual([
      9007199254740991, 0.12345678901234566, 1e300, 1234567890123456.5,
    ]);
  });

  it('reads everything without long integers as JSON.parse does', () => {
    fc.assert(
      fc.property(fc.json(), (source) => {
        fc.pre(!/\d{16}/.test(source));
        expect(parseJson(source)).toEqual(JSON.parse(source));
      }),
    );
  });

  it.each(['NaN', '{"a":Infinity}', '{', ''])('refuses %j', (source) => {
    expect(() => parseJson(source)).toThrow(SyntaxError);
  });
});
