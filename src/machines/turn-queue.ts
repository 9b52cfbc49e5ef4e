/** One user call on a training client, in its place in the order. It settles its own caller; the machine decides when. */
export interface Turn {
  /** The public method, for events and logs. */
  readonly method: string;
  /** How many consecutive sequence ids it takes when it is sent. */
  readonly width: number;
  /** Sends it. A failure is an outcome, never a rejection. */
  submit(place: TurnPlace, signal: AbortSignal): Promise<TurnAccepted | TurnRefused | TurnPaused>;
  /** Waits for the result of what was accepted and settles the caller. Never rejects for an expected failure. */
  retrieve(signal: AbortSignal): Promise<TurnEnd>;
  /** Settles the caller with an error, unless it is settled already. */
  fail(error: unknown): void;
}

export interface TurnPlace {
  model_id: string;
  /** The first of `width` consecutive sequence ids. */
  seq_id: number;
}

export interface TurnAccepted {
  kind: 'accepted';
}

export interface TurnRefused {
  kind: 'refused';
  error: Error;
  /** How many of its sequence ids the server has seen, and so counts as taken. None when nothing was sent. */
  takenCount: number;
}

/** The server answered 402: the same turn, with the same sequence ids, is sent again in a while. */
export interface TurnPaused {
  kind: 'paused';
}

export type TurnEnd = { kind: 'completed' } | { kind: 'failed'; error: Error };

/**
 * The turns of one training client: those that wait, in call order, and those whose result is awaited. Held by reference
 * in the machine's context, since copying it on each call would cost more than the call.
 */
export class TurnQueue {
  #waiting: (Turn | undefined)[] = [];
  #headIndex = 0;
  readonly #submitted = new Map<Turn, number>();
  readonly #freeSlots: number[] = [];

  get head(): Turn | undefined {
    return this.#waiting[this.#headIndex];
  }

  get waitingCount(): number {
    return this.#waiting.length - this.#headIndex;
  }

  get submittedCount(): number {
    return this.#submitted.size;
  }

  get isEmpty(): boolean {
    return this.waitingCount === 0 && this.#submitted.size === 0;
  }

  push(turn: Turn): void {
    this.#waiting.push(turn);
  }

  /** Takes the head off the line; the line is compacted now and then, so that a shift costs nothing. */
  dropHead(): void {
    // The turn holds the caller's data, so the line lets go of it at once.
    this.#waiting[this.#headIndex++] = undefined;
    if (this.#headIndex > 1024 && this.#headIndex * 2 > this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#headIndex);
      this.#headIndex = 0;
    }
  }

  /** Removes a turn that waits; whether it did. */
  remove(turn: Turn): boolean {
    const index = this.#waiting.indexOf(turn, this.#headIndex);
    if (index < 0) return false;
    this.#waiting.splice(index, 1);
    return true;
  }

  /**
   * A sent turn, until it is settled; gives the number of the slot that it waits in. Slots are used again: XState keeps
   * something for ever for each name that a child actor ever had.
   */
  noteSubmitted(turn: Turn): number {
    const slot = this.#freeSlots.pop() ?? this.#submitted.size;
    this.#submitted.set(turn, slot);
    return slot;
  }

  noteSettled(turn: Turn): void {
    const slot = this.#submitted.get(turn);
    if (slot === undefined) return;
    this.#submitted.delete(turn);
    this.#freeSlots.push(slot);
  }

  /** Fails every turn that has not settled. */
  failAll(error: Error): void {
    const turns = [...this.#waiting.slice(this.#headIndex), ...this.#submitted.keys()];
    this.#waiting = [];
    this.#headIndex = 0;
    this.#submitted.clear();
    for (const turn of turns) turn?.fail(error);
  }
}
