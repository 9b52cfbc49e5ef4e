/** One page of a list, and the way to the rest. Iterating goes through this page and all that follow. */
export interface Page<Item> extends AsyncIterable<Item> {
  readonly items: readonly Item[];
  /** How many there are in all, where the server says so. */
  readonly totalCount: number | undefined;
  readonly hasNextPage: boolean;
  /** Undefined on the last page. */
  getNextPage(): Promise<Page<Item> | undefined>;
}

/** A list call: awaited, the first page; iterated, every item of every page. */
export interface PagePromise<Item> extends PromiseLike<Page<Item>>, AsyncIterable<Item> {}

export interface PageSlice<Item> {
  items: readonly Item[];
  totalCount: number | undefined;
}

/** `fetchPage` gives the items from `offset` on. A page that is empty, or reaches the total, is the last. */
export function createPagePromise<Item>(
  fetchPage: (offset: number) => Promise<PageSlice<Item>>,
  { offset, limit }: { offset: number; limit: number },
): PagePromise<Item> {
  let first: Promise<Page<Item>> | undefined;
  // Nothing is asked before somebody wants to know, and the first page is asked once.
  const load = (): Promise<Page<Item>> => (first ??= loadPage(fetchPage, offset, limit));
  return {
    // oxlint-disable-next-line unicorn/no-thenable -- it is meant to be awaited as well as iterated
    then: (onFulfilled, onRejected) => load().then(onFulfilled, onRejected),
    async *[Symbol.asyncIterator]() {
      yield* await load();
    },
  };
}

async function loadPage<Item>(
  fetchPage: (offset: number) => Promise<PageSlice<Item>>,
  offset: number,
  limit: number,
): Promise<Page<Item>> {
  const { items, totalCount } = await fetchPage(offset);
  const nextOffset = offset + items.length;
  const hasNextPage =
    items.length > 0 && (totalCount === undefined ? items.length >= limit : nextOffset < totalCount);
  const getNextPage = async (): Promise<Page<Item> | undefined> =>
    hasNextPage ? loadPage(fetchPage, nextOffset, limit) : undefined;
  return {
    items,
    totalCount,
    hasNextPage,
    getNextPage,
    async *[Symbol.asyncIterator]() {
      yield* items;
      for (let page = await getNextPage(); page !== undefined; page = await page.getNextPage())
        yield* page.items;
    },
  };
}
