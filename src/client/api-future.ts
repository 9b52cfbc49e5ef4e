import { orAborted, withDeadline } from '../core/deadline.ts';
import { Emitter, type ListenOptions } from '../core/emitter.ts';
import { CancelledError, TimeoutError } from '../core/errors.ts';
import { toBackground, type Clock } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import type { QueueChanged } from '../types/events.ts';

/** `queued`: waits for its turn. `submitted`: the server has it. `detached`: the caller gave it up; the server may go on. */
export type FutureStatus = 'queued' | 'submitted' | 'completed' | 'failed' | 'detached';

interface FutureEvents {
  'queue.changed': QueueChanged;
}

/**
 * A call in its place in the order, and its result. Await it, or keep it and go on: calls made after it are sent without
 * waiting for its result. A future that fails and that nobody awaits is logged and does not end the process.
 */
export interface ApiFuture<Value> extends PromiseLike<Value> {
  readonly status: FutureStatus;
  /** The server's id of the operation, once it has been accepted. */
  readonly requestId: string | undefined;
  /** Gives the call up: it rejects with CancelledError. A call that waits is never sent; one that was sent is only detached. */
  cancel(): void;
  /** Waits for the result; `signal` and `timeoutMs` end the waiting, not the call. */
  result(options?: { signal?: AbortSignal | undefined; timeoutMs?: number | undefined }): Promise<Value>;
  /** Where the request stands in the server's queue, whenever that changes; a new listener gets the latest at once. */
  on(name: 'queue.changed', listener: (change: QueueChanged) => void, options?: ListenOptions): () => void;
  catch<Other = never>(onRejected: (reason: unknown) => Other | PromiseLike<Other>): Promise<Value | Other>;
  finally(onFinally: () => void): Promise<Value>;
}

/** How long a failed future may go without being awaited before that is logged. */
const unobservedAfterMs = 1000;

interface DeferredFutureOptions {
  /** The public method, for messages. */
  method: string;
  clock: Clock;
  logger: Logger;
  signal?: AbortSignal | undefined;
  timeoutMs?: number | undefined;
  /** Called once when the caller gives up: by `cancel()`, by its signal or by its deadline. */
  onDetach(): void;
}

/** The side of a future that its maker holds. */
export class DeferredFuture<Value> implements ApiFuture<Value> {
  #status: FutureStatus = 'queued';
  #requestId: string | undefined;
  #observed = false;
  readonly #settled = Promise.withResolvers<Value>();
  readonly #emitter: Emitter<FutureEvents>;
  readonly #options: DeferredFutureOptions;
  readonly #release: () => void;

  constructor(options: DeferredFutureOptions) {
    this.#options = options;
    const { method, clock, logger, signal, timeoutMs } = options;
    this.#emitter = new Emitter(logger, { replay: ['queue.changed'] });
    this.#settled.promise.catch((error: unknown) => {
      if (this.#status !== 'failed' || this.#observed) return;
      // A program that awaits its futures in order may come to this one a little later.
      toBackground(clock).setTimeout(() => {
        if (!this.#observed) logger.warn(`${method} failed and nobody awaits it`, { error: String(error) });
      }, unobservedAfterMs);
    });
    const onAbort = (): void => this.#detach(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
    const timer =
      timeoutMs === undefined
        ? undefined
        : clock.setTimeout(
            () => this.#detach(new TimeoutError(`${method} did not finish within ${timeoutMs} ms`)),
            timeoutMs,
          );
    this.#release = () => {
      signal?.removeEventListener('abort', onAbort);
      if (timer !== undefined) clock.clearTimeout(timer);
    };
    if (signal?.aborted) onAbort();
  }

  get status(): FutureStatus {
    return this.#status;
  }

  get requestId(): string | undefined {
    return this.#requestId;
  }

  get isSettled(): boolean {
    return this.#status !== 'queued' && this.#status !== 'submitted';
  }

  noteSubmitted(requestId: string | undefined): void {
    this.#requestId = requestId;
    if (this.#status === 'queued') this.#status = 'submitted';
  }

  noteQueue(change: QueueChanged): void {
    this.#emitter.emit('queue.changed', change);
  }

  resolve(value: Value): void {
    this.#settle('completed', () => this.#settled.resolve(value));
  }

  reject(error: unknown): void {
    this.#settle('failed', () => this.#settled.reject(error));
  }

  cancel(): void {
    this.#detach(new CancelledError(`${this.#options.method} was cancelled`, { requestId: this.#requestId }));
  }

  result(options: { signal?: AbortSignal | undefined; timeoutMs?: number | undefined } = {}): Promise<Value> {
    this.#observed = true;
    const { method, clock } = this.#options;
    return withDeadline(method, options, clock, (signal) => orAborted(this.#settled.promise, signal));
  }

  on(name: 'queue.changed', listener: (change: QueueChanged) => void, options?: ListenOptions): () => void {
    return this.#emitter.on(name, listener, options);
  }

  // oxlint-disable-next-line unicorn/no-thenable -- it is meant to be awaited
  then<Fulfilled = Value, Rejected = never>(
    onFulfilled?: ((value: Value) => Fulfilled | PromiseLike<Fulfilled>) | null,
    onRejected?: ((reason: unknown) => Rejected | PromiseLike<Rejected>) | null,
  ): Promise<Fulfilled | Rejected> {
    this.#observed = true;
    return this.#settled.promise.then(onFulfilled, onRejected);
  }

  catch<Other = never>(onRejected: (reason: unknown) => Other | PromiseLike<Other>): Promise<Value | Other> {
    return this.then(null, onRejected);
  }

  finally(onFinally: () => void): Promise<Value> {
    this.#observed = true;
    return this.#settled.promise.finally(onFinally);
  }

  #detach(reason: unknown): void {
    if (this.isSettled) return;
    this.#settle('detached', () => this.#settled.reject(reason));
    this.#options.onDetach();
  }

  #settle(status: FutureStatus, settle: () => void): void {
    if (this.isSettled) return;
    this.#status = status;
    settle();
    this.#release();
    this.#emitter.end();
  }
}
