import { describe, expect, it } from 'vitest';
import { collectItems, listTitle, pageSize } from '../../../src/cli/collect-items.ts';
import { createPagePromise } from '../../../src/client/page.ts';

/** A list of the numbers up to `total`, and the offsets that were asked for. */
function numbersUpTo(total: number, limit: number, knowsTotal = true) {
  const offsets: number[] = [];
  const numbers = Array.from({ length: total }, (_, index) => index + 1);
  const pages = createPagePromise<number>(
    async (offset) => {
      offsets.push(offset);
      return { items: numbers.slice(offset, offset + limit), totalCount: knowsTotal ? total : undefined };
    },
    { offset: 0, limit },
  );
  return { pages, offsets };
}

describe('collecting a list (CLI-11)', () => {
  it('asks for one page, in silence, where that suffices', async () => {
    const { pages, offsets } = numbersUpTo(50, 20);
    const reports: number[][] = [];
    const { items, totalCount } = await collectItems(pages, 20, (...report) => reports.push(report));
    expect(items).toHaveLength(20);
    expect(totalCount).toBe(50);
    expect(offsets).toEqual([0]);
    expect(reports).toEqual([]);
  });

  it('asks for no more pages than the limit needs, and cuts the last', async () => {
    const { pages, offsets } = numbersUpTo(1000, 100);
    const reports: number[][] = [];
    const { items } = await collectItems(pages, 250, (...report) => reports.push(report));
    expect(items).toHaveLength(250);
    expect(items.at(-1)).toBe(250);
    expect(offsets).toEqual([0, 100, 200]);
    expect(reports).toEqual([
      [100, 250],
      [200, 250],
    ]);
  });

  it.each([0, -1])('takes a limit of %d as all', async (limit) => {
    const { pages } = numbersUpTo(230, 100);
    expect((await collectItems(pages, limit, () => undefined)).items).toHaveLength(230);
  });

  it('goes to the end of a list whose total nobody tells', async () => {
    const { pages, offsets } = numbersUpTo(230, 100, false);
    expect((await collectItems(pages, 0, () => undefined)).items).toHaveLength(230);
    expect(offsets).toEqual([0, 100, 200]);
  });

  it('asks for pages no larger than what is wanted', () => {
    expect(pageSize(20, 100)).toBe(20);
    expect(pageSize(250, 100)).toBe(100);
    expect(pageSize(0, 100)).toBe(100);
  });
});

describe('the title of a list', () => {
  it.each([
    [0, 0, 'No checkpoints found'],
    [1, 1, '1 checkpoint'],
    [3, undefined, '3 checkpoints'],
    [20, 21, '20 checkpoints (1 more not shown, use --limit to see more)'],
    [20, 27, '20 checkpoints (7 more not shown, use --limit to see more)'],
  ])('for %d of %s reads: %s', (count, totalCount, title) => {
    expect(listTitle('checkpoint', count, totalCount)).toBe(title);
  });
});
