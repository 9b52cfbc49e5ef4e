/**
 * A bounded buffer between one producer that cannot wait and one consumer that iterates. When it is full the oldest item
 * goes, and `onDropped` learns how many went since the consumer last looked.
 */
export class AsyncQueue<Item> implements AsyncIterableIterator<Item> {
  readonly #items: Item[] = [];
  readonly #capacity: number;
  readonly #onDropped: ((count: number) => Item) | undefined;
  #dropped = 0;
  #ended = false;
  #waiting: PromiseWithResolvers<void> | undefined;

  constructor(options: { capacity: number; onDropped?: (count: number) => Item }) {
    this.#capacity = options.capacity;
    this.#onDropped = options.onDropped;
  }

  push(item: Item): void {
    if (this.#ended) return;
    if (this.#items.length === this.#capacity) {
      this.#items.shift();
      this.#dropped++;
    }
    this.#items.push(item);
    this.#wake();
  }

  /** No more items; what is buffered is still delivered. */
  end(): void {
    this.#ended = true;
    this.#wake();
  }

  async next(): Promise<IteratorResult<Item>> {
    while (this.#items.length === 0) {
      if (this.#ended) return { done: true, value: undefined };
      this.#waiting ??= Promise.withResolvers();
      await this.#waiting.promise;
    }
    if (this.#dropped > 0 && this.#onDropped !== undefined) {
      const value = this.#onDropped(this.#dropped);
      this.#dropped = 0;
      return { done: false, value };
    }
    return { done: false, value: this.#items.shift() as Item };
  }

  return(): Promise<IteratorResult<Item>> {
    this.#items.length = 0;
    this.end();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #wake(): void {
    this.#waiting?.resolve();
    this.#waiting = undefined;
  }
}
