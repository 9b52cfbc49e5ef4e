interface Waiter {
  amount: number;
  admit(): void;
}

/**
 * Bytes, or calls, that may be under way at once. A caller is admitted while the balance is not negative, whatever its
 * amount, and then has its amount taken off: so one huge item always passes, and the next waits (wire-protocol 5.5). A
 * budget for n calls of amount 1 therefore has the size n - 1.
 */
export class Budget {
  #balance: number;
  readonly #waiters = new Set<Waiter>();

  constructor(size: number) {
    this.#balance = size;
  }

  /** What is left; negative while an oversized item is under way. */
  get balance(): number {
    return this.#balance;
  }

  /** Runs `work` with `amount` taken off the balance, in order of arrival. Rejects with the signal's reason while waiting. */
  async run<Value>(
    amount: number,
    signal: AbortSignal | undefined,
    work: () => Promise<Value>,
  ): Promise<Value> {
    if (this.#balance >= 0 && this.#waiters.size === 0) this.#balance -= amount;
    else await this.#wait(amount, signal);
    try {
      return await work();
    } finally {
      this.#balance += amount;
      this.#admitWaiters();
    }
  }

  #wait(amount: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      const leave = (): void => {
        this.#waiters.delete(waiter);
        signal?.removeEventListener('abort', onAbort);
      };
      const onAbort = (): void => {
        leave();
        reject(signal?.reason);
        this.#admitWaiters();
      };
      const waiter: Waiter = {
        amount,
        admit: () => {
          leave();
          resolve();
        },
      };
      this.#waiters.add(waiter);
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  #admitWaiters(): void {
    for (const waiter of this.#waiters) {
      if (this.#balance < 0) return;
      this.#balance -= waiter.amount;
      waiter.admit();
    }
  }
}
