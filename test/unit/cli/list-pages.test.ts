import { describe, expect, it } from 'vitest';
import { createPagePromise } from '../../../src/client/page.ts';
import { filterPages, listTitle, pageSize, takePages, type ListPage } from '../../../src/cli/list-pages.ts';

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

async function takeAll(...args: Parameters<typeof takePages<number>>) {
  const pages: ListPage<number>[] = await Array.fromAsync(takePages(...args));
  return { pages, items: pages.flatMap(({ items }) => items) };
}

const inSilence = () => undefined;

describe('going through a list (CLI-11)', () => {
  it('asks for one page, in silence, where that suffices', async () => {
    const { pages, offsets } = numbersUpTo(50, 20);
    const reports: number[][] = [];
    const taken = await takeAll(pages, 20, (...report) => reports.push(report));
    expect(taken.items).toHaveLength(20);
    expect(taken.pages).toMatchObject([{ totalCount: 50, shownCount: 20 }]);
    expect(offsets).toEqual([0]);
    expect(reports).toEqual([]);
  });

  it('asks for no more pages than the limit needs, and cuts the last', async () => {
    const { pages, offsets } = numbersUpTo(1000, 100);
    const reports: number[][] = [];
    const { items } = await takeAll(pages, 250, (...report) => reports.push(report));
    expect(items).toHaveLength(250);
    expect(items.at(-1)).toBe(250);
    expect(offsets).toEqual([0, 100, 200]);
    expect(reports).toEqual([
      [100, 250],
      [200, 250],
    ]);
  });

  it('says with the first page how many will be shown, where the server says how many there are', async () => {
    const shownCounts = async (...args: Parameters<typeof takeAll>) =>
      (await takeAll(...args)).pages.map(({ shownCount }) => shownCount);
    expect(await shownCounts(numbersUpTo(230, 100).pages, 0, inSilence)).toEqual([230, 230, 230]);
    expect(await shownCounts(numbersUpTo(230, 100).pages, 150, inSilence)).toEqual([150, 150]);
    expect(await shownCounts(numbersUpTo(130, 100, false).pages, 0, inSilence)).toEqual([undefined, 130]);
  });

  it('asks for a page only when the one ahead of it has been dealt with', async () => {
    const { pages, offsets } = numbersUpTo(300, 100);
    for await (const _page of takePages(pages, 0, inSilence)) {
      if (offsets.length === 2) break;
    }
    expect(offsets).toEqual([0, 100]);
  });

  it.each([0, -1])('takes a limit of %d as all', async (limit) => {
    const { pages } = numbersUpTo(230, 100);
    expect((await takeAll(pages, limit, inSilence)).items).toHaveLength(230);
  });

  it('goes to the end of a list whose total nobody tells', async () => {
    const { pages, offsets } = numbersUpTo(230, 100, false);
    expect((await takeAll(pages, 0, inSilence)).items).toHaveLength(230);
    expect(offsets).toEqual([0, 100, 200]);
  });

  it('goes through as many pages as it takes to find what fits, and no more', async () => {
    const { pages, offsets } = numbersUpTo(1000, 100);
    const tens = filterPages(pages, (number) => number % 50 === 0);
    const taken = await takeAll(tens, 5, inSilence);
    expect(taken.items).toEqual([50, 100, 150, 200, 250]);
    expect(taken.pages.map(({ shownCount }) => shownCount)).toEqual([undefined, undefined, 5]);
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
    [undefined, undefined, 'Checkpoints'],
  ])('for %s of %s reads: %s', (count, totalCount, title) => {
    expect(listTitle('checkpoint', count, totalCount)).toBe(title);
  });
});
