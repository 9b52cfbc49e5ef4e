import type { PagePromise } from '../client/page.ts';

/** Told after each page but a first that suffices, and waited for. */
export type OnProgress = (count: number, totalCount: number) => unknown;

/**
 * The first `limit` items of a list, all of them when `limit` is 0 or less, and how many there are in all where the
 * server says so. No page is asked for that is not needed.
 */
export async function collectItems<Item>(
  pages: PagePromise<Item>,
  limit: number,
  onProgress: OnProgress,
): Promise<{ items: Item[]; totalCount: number | undefined }> {
  const wanted = limit > 0 ? limit : Number.POSITIVE_INFINITY;
  let page = await pages;
  const { totalCount } = page;
  const items = [...page.items];
  while (items.length < wanted && page.hasNextPage) {
    await onProgress(items.length, Math.min(wanted, totalCount ?? wanted));
    const next = await page.getNextPage();
    if (next === undefined) break;
    items.push(...next.items);
    page = next;
  }
  return { items: items.slice(0, wanted), totalCount };
}

/** How many to ask for at once: no more than wanted, no more than fit in one page. */
export function pageSize(limit: number, largest: number): number {
  return limit > 0 ? Math.min(limit, largest) : largest;
}

/** `3 runs`, and how many more there are. */
export function listTitle(noun: string, count: number, totalCount: number | undefined): string {
  const title = count === 0 ? `No ${noun}s found` : `${count} ${noun}${count === 1 ? '' : 's'}`;
  const moreCount = (totalCount ?? count) - count;
  return moreCount > 0 ? `${title} (${moreCount} more not shown, use --limit to see more)` : title;
}
