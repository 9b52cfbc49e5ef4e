/** A number that was refused at the door: it counts as taken, and nothing runs for it. */
const refused = Symbol('refused');

/**
 * Puts the operations of one model in the order of their `seq_id`, which start at 1 and have no gaps in the end
 * (wire-protocol 6.1, 6.3). Pure: no clock, no execution.
 */
export class ReorderBuffer<Item> {
  #next = 1;
  readonly #held = new Map<number, Item | typeof refused>();
  readonly #refusedBefore = new Set<number>();

  /**
   * Takes an item. `ready` are those whose turn has come, in order. `late`: its turn has passed, the item is not kept;
   * but the repeat of a refused number is judged afresh and is ready at once.
   */
  offer(seqId: number, item: Item): { late: boolean; ready: Item[] } {
    if (seqId < this.#next) {
      const isRepeat = this.#refusedBefore.delete(seqId);
      return isRepeat ? { late: false, ready: [item] } : { late: true, ready: [] };
    }
    this.#held.set(seqId, item);
    return { late: false, ready: this.#advance() };
  }

  /** Counts a number as taken without an item; returns the items that this makes ready. */
  refuse(seqId: number): Item[] {
    if (seqId < this.#next || this.#held.has(seqId)) return [];
    this.#held.set(seqId, refused);
    return this.#advance();
  }

  /** The number that the held items wait for, if any are held. */
  get missing(): number | undefined {
    const isWaiting = this.#held.values().some((item) => item !== refused);
    return isWaiting ? this.#next : undefined;
  }

  /** Whether an item waits for earlier numbers. */
  isHeld(seqId: number): boolean {
    return this.#held.has(seqId);
  }

  /** Gives up waiting: returns all that was held, in order, and goes on after the last of it. */
  abandon(): Item[] {
    const entries = [...this.#held].sort(([a], [b]) => a - b);
    this.#held.clear();
    this.#next = (entries.at(-1)?.[0] ?? this.#next - 1) + 1;
    return entries.flatMap(([, item]) => (item === refused ? [] : [item]));
  }

  #advance(): Item[] {
    const ready: Item[] = [];
    for (let item = this.#held.get(this.#next); item !== undefined; item = this.#held.get(this.#next)) {
      this.#held.delete(this.#next);
      if (item === refused) this.#refusedBefore.add(this.#next);
      else ready.push(item);
      this.#next += 1;
    }
    return ready;
  }
}
