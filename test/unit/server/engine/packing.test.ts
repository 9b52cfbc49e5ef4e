import { array, assert, integer, property } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { packTexts, padText, rowLengths } from '../../../../src/server/engine/training/packing.ts';

const text = (length: number, start = 1) => Int32Array.from({ length }, (_, index) => start + index);

describe('packing', () => {
  it('puts 1,100 texts of 4 tokens into 18 rows of 256', () => {
    const packs = packTexts(Array.from({ length: 1100 }, () => text(4)));
    expect(packs.map(({ row }) => row.tokens.length)).toEqual([...Array<number>(17).fill(256), 64]);
    expect(packs.at(-1)?.texts).toHaveLength(12);
  });

  it('uses the longest row only for a text that needs it, and fills it with short ones', () => {
    const packs = packTexts([text(10), text(700), text(200), text(250), text(100)]);
    expect(packs.map(({ row, texts }) => [row.tokens.length, texts.map(({ index }) => index)])).toEqual([
      [1024, [1, 3, 0]],
      [256, [2]],
      [256, [4]],
    ]);
  });

  it('lays a text out at its place, positions from 0, with a segment of its own and padding at the end', () => {
    const [pack] = packTexts([text(3, 10), text(2, 20)]);
    expect([...(pack?.row.tokens.subarray(0, 6) ?? [])]).toEqual([10, 11, 12, 20, 21, 0]);
    expect([...(pack?.row.positions.subarray(0, 6) ?? [])]).toEqual([0, 1, 2, 0, 1, 0]);
    expect([...(pack?.row.segments.subarray(0, 6) ?? [])]).toEqual([0, 0, 0, 1, 1, -1]);
  });

  it('pads one text to the shortest row that holds it', () => {
    expect([1, 64, 65, 256, 257, 1024].map((length) => padText(text(length)).tokens.length)).toEqual([
      64, 64, 256, 256, 1024, 1024,
    ]);
  });

  it('keeps every token of every text once, whatever the lengths', () => {
    const lengths = array(integer({ min: 1, max: 1024 }), { minLength: 1, maxLength: 40 });
    assert(
      property(lengths, (sizes) => {
        const texts = sizes.map((size, index) => new Int32Array(size).fill(index + 1));
        const packs = packTexts(texts);
        const placed = packs
          .flatMap((pack) => pack.texts.map(({ index }) => index))
          .toSorted((a, b) => a - b);
        expect(placed).toEqual([...texts.keys()]);
        for (const { row, texts: inRow } of packs) {
          expect(rowLengths).toContain(row.tokens.length);
          const kept = row.tokens.filter((token) => token > 0).length;
          expect(kept).toBe(inRow.reduce((sum, { index }) => sum + (sizes[index] ?? 0), 0));
          for (const { index, begin } of inRow) {
            expect(row.tokens.subarray(begin, begin + (sizes[index] ?? 0))).toEqual(texts[index]);
          }
        }
      }),
      { numRuns: 60 },
    );
  });
});
