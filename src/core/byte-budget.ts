interface Waiter {
  bytes: number;
  admit(): void;
}

/**
 * Bytes that may be on their way at once. A caller is admitted while the balance is not negative, whatever its size, and
 * then has its size taken off: so one huge item always passes, and the next waits (wire-protocol 5.5).
 */
export class ByteBudget {
  #balance: number;
  readonly #waiters = new Set<Waiter>();

  constructor(sizeBytes: number) {
    this.#balance = sizeBytes;
  }

  /** Bytes left; negative while an oversized item is under way. */
  get balance(): number {
    return this.#balance;
  }

  /** Runs `work` with `bytes` taken off the balance, in order of arrival. Rejects with the signal's reason while waiting. */
  async run<Value>(bytes: number, signal: AbortSignal | undefined, work: () => Promise<Value>): Promise<Value> {
    if (this.#balance >= 0 && this.#waiters.size === 0) this.#balance -= bytes;
    else await this.#wait(bytes, signal);
    try {
      return await work();
    } finally {
      this.#balance += bytes;
      this.#admitWaiters();
    }
  }

  #wait(bytes: number, signal: AbortSignal | undefined): Promise<void> {
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
        bytes,
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
      this.#balance -= waiter.bytes;
      waiter.admit();
    }
  }
}
