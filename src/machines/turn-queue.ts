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
  #waiting: Turn[] = [];
  #headIndex = 0;
  readonly #submitted = new Set<Turn>();

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
    this.#headIndex++;
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

  noteSubmitted(turn: Turn): void {
    this.#submitted.add(turn);
  }

  noteSettled(turn: Turn): void {
    this.#submitted.delete(turn);
  }

  /** Fails every turn that has not settled. */
  failAll(error: Error): void {
    const turns = [...this.#waiting.slice(this.#headIndex), ...this.#submitted];
    this.#waiting = [];
    this.#headIndex = 0;
    this.#submitted.clear();
    for (const turn of turns) turn.fail(error);
  }
}
