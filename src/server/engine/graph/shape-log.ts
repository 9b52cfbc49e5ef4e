/** One entry per shape, made by its first run: how long that took, compilation included. */
export class ShapeLog {
  readonly #now: () => number;
  readonly #milliseconds = new Map<string, number>();

  constructor(now: () => number) {
    this.#now = now;
  }

  run<T>(name: string, work: () => T): T {
    if (this.#milliseconds.has(name)) return work();
    const started = this.#now();
    const result = work();
    this.#milliseconds.set(name, this.#now() - started);
    return result;
  }

  entries(): { name: string; milliseconds: number }[] {
    return [...this.#milliseconds].map(([name, milliseconds]) => ({ name, milliseconds }));
  }
}
