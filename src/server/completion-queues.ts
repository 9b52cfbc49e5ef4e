import type { Clock } from '../core/clock.ts';
import type { Completion } from '../types/futures.ts';

interface Queue {
  /** By request, in the order in which they came. */
  events: Map<string, { cursor: number; completion: Completion }>;
  listeners: Set<() => void>;
}

/**
 * What has finished, one queue for each sampler and copy of its client (wire-protocol 2.38). An event is kept until a later
 * call covers it, or until its request is forgotten.
 */
export class CompletionQueues {
  readonly #clock: Clock;
  readonly #queues = new Map<string, Queue>();
  /** Rises over restarts too, so that a cursor of an earlier boot hides nothing of this one. */
  #cursor: number;
  #closed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#cursor = clock.now() * 1000;
  }

  add(name: string, completion: Completion): void {
    const { events, listeners } = this.#queue(name);
    this.#cursor += 1;
    events.set(completion.request_id, { cursor: this.#cursor, completion });
    for (const listener of listeners) listener();
  }

  remove(name: string, requestId: string): void {
    const queue = this.#queues.get(name);
    if (queue?.events.delete(requestId) === true) this.#tidy(name, queue);
  }

  /** Events after a cursor, and the cursor that covers them; those up to it are dropped. */
  read(name: string, after: number): { completions: Completion[]; cursor: number } {
    const { events } = this.#queue(name);
    const completions: Completion[] = [];
    let last = after;
    for (const [requestId, { cursor, completion }] of events) {
      if (cursor <= after) events.delete(requestId);
      else completions.push(completion);
      last = Math.max(last, cursor);
    }
    this.#tidy(name, this.#queue(name));
    return { completions, cursor: last };
  }

  /** Resolves when there is an event after the cursor, after `holdMs`, when the asker has gone, or when the server closes. */
  wait(name: string, after: number, holdMs: number, gone: AbortSignal): Promise<void> {
    const queue = this.#queue(name);
    const isReady = [...queue.events.values()].at(-1)?.cursor ?? 0;
    if (isReady > after || holdMs === 0 || this.#closed || gone.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const finish = (): void => {
        queue.listeners.delete(finish);
        this.#clock.clearTimeout(timer);
        gone.removeEventListener('abort', finish);
        resolve();
      };
      const timer = this.#clock.setTimeout(finish, holdMs);
      queue.listeners.add(finish);
      gone.addEventListener('abort', finish, { once: true });
    });
  }

  /** Lets every held call answer at once. */
  close(): void {
    this.#closed = true;
    for (const { listeners } of this.#queues.values()) for (const listener of listeners) listener();
  }

  #queue(name: string): Queue {
    let queue = this.#queues.get(name);
    if (queue === undefined) {
      queue = { events: new Map(), listeners: new Set() };
      this.#queues.set(name, queue);
    }
    return queue;
  }

  #tidy(name: string, { events, listeners }: Queue): void {
    if (events.size === 0 && listeners.size === 0) this.#queues.delete(name);
  }
}
