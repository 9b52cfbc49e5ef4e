import { orAborted } from '../../core/deadline.ts';
import { toJsonInteger } from '../../core/lossless-json.ts';
import { seqIdBlock } from '../../types/futures.ts';

/**
 * Sequence ids of one sampling client, from 0. A copy in another process numbers its samples in a block of its own, so that
 * they are never taken for the first client's (wire-protocol 7.6).
 */
export class SeqIds {
  readonly #join: (() => Promise<number>) | undefined;
  #joining: Promise<void> | undefined;
  #copy = 0;
  #next = 0;

  /** `join` finds the number of a copy; without it this is the first client. */
  constructor(join?: () => Promise<number>) {
    this.#join = join;
  }

  /** Which copy this is; 0 is the first client. */
  get copy(): number {
    return this.#copy;
  }

  /** Finds the block before the first sample; undefined when there is nothing to wait for. A failure is tried anew. */
  ready(signal: AbortSignal): Promise<void> | undefined {
    const join = this.#join;
    if (join === undefined || this.#copy > 0) return undefined;
    this.#joining ??= join().then(
      (copy) => {
        this.#copy = copy;
      },
      (error: unknown) => {
        this.#joining = undefined;
        throw error;
      },
    );
    return orAborted(this.#joining, signal);
  }

  /** The next id as `JSON.stringify` takes it: of a copy it may exceed what a double can hold. */
  next(): number | object {
    const number = this.#next++;
    return this.#copy === 0
      ? number
      : toJsonInteger(BigInt(this.#copy) * BigInt(seqIdBlock) + BigInt(number));
  }
}
