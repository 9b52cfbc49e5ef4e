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

export interface PageSlice<Item, Position = number> {
  items: readonly Item[];
  totalCount?: number | undefined;
  /** Where the next page begins; undefined after the last. */
  next: Position | undefined;
}

/** A list whose pages each tell where the next one begins; `first` is where the first does. */
export function createCursorPages<Item, Position>(
  fetchPage: (from: Position) => Promise<PageSlice<Item, Position>>,
  first: Position,
): PagePromise<Item> {
  let page: Promise<Page<Item>> | undefined;
  // Nothing is asked before somebody wants to know, and the first page is asked once.
  const load = (): Promise<Page<Item>> => (page ??= loadPage(fetchPage, first));
  return {
    // oxlint-disable-next-line unicorn/no-thenable -- it is meant to be awaited as well as iterated
    then: (onFulfilled, onRejected) => load().then(onFulfilled, onRejected),
    async *[Symbol.asyncIterator]() {
      yield* await load();
    },
  };
}

/** A list by offset: `fetchPage` gives the items from `offset` on. A page that is empty, or reaches the total, is the last. */
export function createPagePromise<Item>(
  fetchPage: (offset: number) => Promise<Omit<PageSlice<Item>, 'next'>>,
  { offset, limit }: { offset: number; limit: number },
): PagePromise<Item> {
  return createCursorPages(async (from: number) => {
    const { items, totalCount } = await fetchPage(from);
    const next = from + items.length;
    const hasNext =
      items.length > 0 && (totalCount === undefined ? items.length >= limit : next < totalCount);
    return { items, totalCount, next: hasNext ? next : undefined };
  }, offset);
}

async function loadPage<Item, Position>(
  fetchPage: (from: Position) => Promise<PageSlice<Item, Position>>,
  from: Position,
): Promise<Page<Item>> {
  const { items, totalCount, next } = await fetchPage(from);
  const getNextPage = async (): Promise<Page<Item> | undefined> =>
    next === undefined ? undefined : loadPage(fetchPage, next);
  return {
    items,
    totalCount,
    hasNextPage: next !== undefined,
    getNextPage,
    async *[Symbol.asyncIterator]() {
      yield* items;
      for (let page = await getNextPage(); page !== undefined; page = await page.getNextPage())
        yield* page.items;
    },
  };
}
