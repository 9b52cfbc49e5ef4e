import type { Clock } from './clock.ts';
import { TimeoutError } from './errors.ts';

export interface DeadlineOptions {
  signal?: AbortSignal | undefined;
  timeoutMs?: number | undefined;
}

/** A signal of our own that follows the caller's, and a deadline. `release` detaches it from both. */
export interface LinkedSignal {
  readonly controller: AbortController;
  readonly release: () => void;
}

/** Cheaper than AbortSignal.any, and leaves no listener behind on a signal that outlives the call. */
export function linkSignal(what: string, { signal, timeoutMs }: DeadlineOptions, clock: Clock): LinkedSignal {
  const controller = new AbortController();
  if (signal?.aborted) {
    controller.abort(signal.reason);
    return { controller, release: () => undefined };
  }
  const onAbort = (): void => controller.abort(signal?.reason);
  signal?.addEventListener('abort', onAbort, { once: true });
  const timer =
    timeoutMs === undefined
      ? undefined
      : clock.setTimeout(
          () => controller.abort(new TimeoutError(`${what} did not finish within ${timeoutMs} ms`)),
          timeoutMs,
        );
  return {
    controller,
    release() {
      signal?.removeEventListener('abort', onAbort);
      if (timer !== undefined) clock.clearTimeout(timer);
    },
  };
}

/**
 * Runs `work` with a signal that aborts on the caller's signal or when `timeoutMs` is over, whichever comes first. The
 * result then rejects with the caller's own reason, or with TimeoutError naming `what`.
 */
export async function withDeadline<Value>(
  what: string,
  options: DeadlineOptions,
  clock: Clock,
  work: (signal: AbortSignal | undefined) => Promise<Value>,
): Promise<Value> {
  options.signal?.throwIfAborted();
  if (options.timeoutMs === undefined) return work(options.signal);
  const link = linkSignal(what, options, clock);
  try {
    return await work(link.controller.signal);
  } finally {
    link.release();
  }
}

/** Settles as `promise` does, or rejects with the signal's reason when it aborts first; what runs goes on. */
export function orAborted<Value>(
  promise: PromiseLike<Value>,
  signal: AbortSignal | undefined,
): Promise<Value> {
  if (signal === undefined) return Promise.resolve(promise);
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    if (signal.aborted) {
      onAbort();
      return;
    }
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).then(
      () => signal.removeEventListener('abort', onAbort),
      () => undefined,
    );
  });
}
