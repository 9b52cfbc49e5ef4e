import { createCursorPages, createPagePromise, type Page, type PagePromise } from '../client/page.ts';

/** Told after each page but the last, and waited for. */
export type OnProgress = (count: number, totalCount: number) => unknown;

/** What is shown of one page. */
export interface ListPage<Item> {
  items: readonly Item[];
  /** How many there are on the server, where it says so. */
  totalCount: number | undefined;
  /** How many are shown in all: of the pages before the last a promise, and undefined where the server does not say. */
  shownCount: number | undefined;
}

/**
 * The first `limit` items of a list, all of them when `limit` is 0 or less, page by page. No page is asked for that is
 * not needed, nor one before the page ahead of it has been dealt with.
 */
export async function* takePages<Item>(
  pages: PagePromise<Item>,
  limit: number,
  onProgress: OnProgress,
): AsyncGenerator<ListPage<Item>, void> {
  const wanted = limit > 0 ? limit : Number.POSITIVE_INFINITY;
  let page = await pages;
  const { totalCount } = page;
  for (let count = 0; ;) {
    const items = page.items.slice(0, wanted - count);
    count += items.length;
    const isLast = count >= wanted || !page.hasNextPage;
    const promised = totalCount === undefined ? undefined : Math.min(wanted, totalCount);
    yield { items, totalCount, shownCount: isLast ? count : promised };
    if (isLast) return;
    await onProgress(count, promised ?? wanted);
    const next = await page.getNextPage();
    if (next === undefined) return;
    page = next;
  }
}

/** What came whole, as a list of one page. */
export function onePage<Item>(items: readonly Item[]): PagePromise<Item> {
  const fetchPage = async () => ({ items, totalCount: items.length });
  return createPagePromise(fetchPage, { offset: 0, limit: items.length });
}

/** A list without the items that do not fit; nobody knows how many are left. */
export function filterPages<Item>(
  pages: PagePromise<Item>,
  fits: (item: Item) => boolean,
): PagePromise<Item> {
  type Load = () => PromiseLike<Page<Item> | undefined>;
  const fetchPage = async (load: Load) => {
    const page = await load();
    const next: Load | undefined = page?.hasNextPage === true ? () => page.getNextPage() : undefined;
    return { items: page?.items.filter(fits) ?? [], next };
  };
  return createCursorPages(fetchPage, () => pages);
}

/** How many to ask for at once: no more than wanted, no more than fit in one page. */
export function pageSize(limit: number, largest: number): number {
  return limit > 0 ? Math.min(limit, largest) : largest;
}

/** `3 runs`, and how many more there are; `Runs` where nobody knows how many will come. */
export function listTitle(noun: string, count: number | undefined, totalCount?: number): string {
  if (count === undefined) return `${noun.charAt(0).toUpperCase()}${noun.slice(1)}s`;
  const title = count === 0 ? `No ${noun}s found` : `${count} ${noun}${count === 1 ? '' : 's'}`;
  const moreCount = (totalCount ?? count) - count;
  return moreCount > 0 ? `${title} (${moreCount} more not shown, use --limit to see more)` : title;
}
