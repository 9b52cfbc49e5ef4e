import type { Clock } from '../core/clock.ts';
import type { Completion } from '../types/futures.ts';
import { CompletionQueues } from './completion-queues.ts';
import { HttpError, type OperationError } from './errors.ts';
import type { OperationResult } from './wire/results.ts';
import { toSampleProtobuf } from './wire/results-protobuf.ts';

/** An operation that was accepted, until some time after its outcome was fetched. */
export interface Future {
  requestId: string;
  /** What makes a repeat of the request the same request. */
  key: string | undefined;
  /** Why it does not run yet, if it waits for something out of the ordinary. */
  describeWait: () => string | undefined;
  /** The completion queue that is told of its end; undefined for what is polled by itself. */
  queue: string | undefined;
  /** Stops its work, where that is possible. */
  cancel: (() => void) | undefined;
  outcome: { result: OperationResult } | { error: OperationError } | undefined;
  /** When it may be forgotten; undefined while it runs. */
  expiresAt: number | undefined;
  listeners: Set<() => void>;
}

/** An outcome nobody asks for is kept an hour; one that was fetched, for as long as a client may ask again. */
const unfetchedTtlMs = 60 * 60_000;
const fetchedTtlMs = 5 * 60_000;

/** Futures live in memory. Their ids carry the boot's id, so that those of an earlier boot are known to be lost. */
export class FutureTable {
  readonly completions: CompletionQueues;
  readonly #bootId: string;
  readonly #clock: Clock;
  readonly #byId = new Map<string, Future>();
  readonly #byKey = new Map<string, Future>();
  readonly #maxOpen: number;
  #lastNumber = 0;
  #openCount = 0;
  #closed = false;

  /** `maxOpen`: how many may be unfinished at once. */
  constructor(bootId: string, clock: Clock, maxOpen: number) {
    this.#bootId = bootId;
    this.#clock = clock;
    this.completions = new CompletionQueues(clock);
    this.#maxOpen = maxOpen;
  }

  /** 429 when too many are unfinished, after which a client repeats its request. */
  requireRoom(): void {
    if (this.#openCount < this.#maxOpen) return;
    throw new HttpError(
      429,
      `${this.#openCount} operations are unfinished, which is all that this server takes at once: wait for some`,
      { 'retry-after': '1' },
    );
  }

  create(
    key: string | undefined,
    describeWait: () => string | undefined = () => undefined,
    queue?: string,
  ): Future {
    this.requireRoom();
    this.#openCount += 1;
    this.#lastNumber += 1;
    const requestId = `${this.#bootId}-${this.#lastNumber}`;
    const future: Future = {
      requestId,
      key,
      describeWait,
      queue,
      cancel: undefined,
      outcome: undefined,
      expiresAt: undefined,
      listeners: new Set(),
    };
    this.#byId.set(requestId, future);
    if (key !== undefined) this.#byKey.set(key, future);
    return future;
  }

  findByKey(key: string): Future | undefined {
    return this.#byKey.get(key);
  }

  /** `lost`: it existed once, here or before a restart. */
  find(requestId: string, isEarlierBoot: (bootId: string) => boolean): Future | 'lost' | 'unknown' {
    const future = this.#byId.get(requestId);
    if (future !== undefined) return future;
    const [, bootId, number] = /^(.+)-(\d+)$/.exec(requestId) ?? [];
    if (bootId === undefined) return 'unknown';
    const existed = bootId === this.#bootId ? Number(number) <= this.#lastNumber : isEarlierBoot(bootId);
    return existed ? 'lost' : 'unknown';
  }

  settle(future: Future, outcome: NonNullable<Future['outcome']>): void {
    if (future.outcome !== undefined) return;
    this.#openCount -= 1;
    future.outcome = outcome;
    future.expiresAt = this.#clock.now() + unfetchedTtlMs;
    future.cancel = undefined;
    for (const listener of future.listeners) listener();
    if (future.queue !== undefined) this.completions.add(future.queue, toCompletion(future));
  }

  markFetched(future: Future): void {
    future.expiresAt = this.#clock.now() + fetchedTtlMs;
  }

  /** Resolves when it is settled, or after `holdMs`, or when the asker has gone, or when the server closes. */
  wait(future: Future, holdMs: number, gone: AbortSignal): Promise<void> {
    if (future.outcome !== undefined || this.#closed || gone.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const finish = (): void => {
        future.listeners.delete(finish);
        this.#clock.clearTimeout(timer);
        gone.removeEventListener('abort', finish);
        resolve();
      };
      const timer = this.#clock.setTimeout(finish, holdMs);
      future.listeners.add(finish);
      gone.addEventListener('abort', finish, { once: true });
    });
  }

  removeExpired(): void {
    const now = this.#clock.now();
    for (const future of this.#byId.values()) {
      if (future.expiresAt === undefined || future.expiresAt > now) continue;
      this.forget(future);
    }
  }

  /** Lets go of a finished operation and its result: later polls are told that it is lost. */
  forget(future: Future): void {
    if (future.outcome === undefined) return;
    this.#byId.delete(future.requestId);
    if (future.key !== undefined) this.#byKey.delete(future.key);
    if (future.queue !== undefined) this.completions.remove(future.queue, future.requestId);
  }

  /** Lets every held poll answer at once. */
  close(): void {
    this.#closed = true;
    this.completions.close();
    for (const future of this.#byId.values()) for (const listener of future.listeners) listener();
  }
}

function toCompletion({ requestId, outcome }: Future): Completion {
  if (outcome === undefined || !('result' in outcome)) return { state: 'failed', request_id: requestId };
  const { result } = outcome;
  const completion: Completion = { state: 'finished', request_id: requestId };
  if (result.kind === 'sample')
    completion.response_payload_uncompressed_size = toSampleProtobuf(result.output).byteLength;
  return completion;
}
