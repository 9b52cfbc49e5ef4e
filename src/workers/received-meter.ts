import type { TaskContext } from './protocol.ts';

/** Eight reports a second. */
const intervalMs = 125;

/** Tells the main thread how many bytes a task has received, a few times a second. */
export class ReceivedMeter {
  readonly #post: TaskContext['post'];
  #bytes = 0;
  #toldBytes = 0;
  #toldAt = performance.now();

  constructor(post: TaskContext['post']) {
    this.#post = post;
  }

  add(bytes: number): void {
    this.#bytes += bytes;
    if (performance.now() - this.#toldAt >= intervalMs) this.finish();
  }

  /** Tells the last count, if it was not yet. */
  finish(): void {
    if (this.#bytes === this.#toldBytes) return;
    this.#toldAt = performance.now();
    this.#toldBytes = this.#bytes;
    this.#post({ type: 'received', bytes: this.#bytes });
  }
}
