import type { Clock } from './clock.ts';
import { TimeoutError } from './errors.ts';

export interface DeadlineOptions {
  signal?: AbortSignal | undefined;
  timeoutMs?: number | undefined;
}

/**
 * Runs `work` with a signal that aborts on the caller's signal or when `timeoutMs` is over, whichever comes first. The
 * result then rejects with the caller's own reason, or with TimeoutError naming `what`.
 */
export async function withDeadline<Value>(
  what: string,
  { signal, timeoutMs }: DeadlineOptions,
  clock: Clock,
  work: (signal: AbortSignal | undefined) => Promise<Value>,
): Promise<Value> {
  signal?.throwIfAborted();
  if (timeoutMs === undefined) return work(signal);
  const deadline = new AbortController();
  const timer = clock.setTimeout(
    () => deadline.abort(new TimeoutError(`${what} did not finish within ${timeoutMs} ms`)),
    timeoutMs,
  );
  try {
    return await work(signal === undefined ? deadline.signal : AbortSignal.any([signal, deadline.signal]));
  } finally {
    clock.clearTimeout(timer);
  }
}

/** Settles as `promise` does, or rejects with the signal's reason when it aborts first; what runs goes on. */
export function orAborted<Value>(promise: PromiseLike<Value>, signal: AbortSignal | undefined): Promise<Value> {
  if (signal === undefined) return Promise.resolve(promise);
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    if (signal.aborted) {
      onAbort();
      return;
    }
    signal.addEventListener('abort', onAbort, { once: true });
    promise
      .then(resolve, reject)
      .then(() => signal.removeEventListener('abort', onAbort), () => undefined);
  });
}
