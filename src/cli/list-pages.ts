import type { Page } from '../client/page.ts';

/** Told after each page but the last, and waited for. */
export type OnProgress = (count: number, totalCount: number) => unknown;

/** A page of a list, as the client gives it or as it was made here, for which the client need not be loaded. */
export interface SourcePage<Item> extends Pick<Page<Item>, 'items' | 'totalCount' | 'hasNextPage'> {
  getNextPage: () => Promise<SourcePage<Item> | undefined>;
}

/** A list by its first page. */
export type PageSource<Item> = PromiseLike<SourcePage<Item>>;

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
  pages: PageSource<Item>,
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
export async function onePage<Item>(items: readonly Item[]): Promise<SourcePage<Item>> {
  return { items, totalCount: items.length, hasNextPage: false, getNextPage: async () => undefined };
}

/** A list without the items that do not fit; nobody knows how many are left. */
export async function filterPages<Item>(
  pages: PageSource<Item>,
  fits: (item: Item) => boolean,
): Promise<SourcePage<Item>> {
  const page = await pages;
  return {
    items: page.items.filter(fits),
    totalCount: undefined,
    hasNextPage: page.hasNextPage,
    async getNextPage() {
      const next = await page.getNextPage();
      return next === undefined ? undefined : filterPages(Promise.resolve(next), fits);
    },
  };
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
