import { EventEmitter } from 'eventemitter3';
import { AsyncQueue } from './async-queue.ts';
import type { Logger } from './logger.ts';

/** Maps event names to payloads; every payload is a plain object. */
export type EventMap = object;

/** One event of a stream: its payload with the name as `type`. */
export type EventOf<Events extends EventMap> =
  { [Name in keyof Events]: { type: Name } & Events[Name] }[keyof Events] | EventsDropped;

/** In a stream: the consumer was slow and this many of the oldest events are missing here. */
export interface EventsDropped {
  type: 'events.dropped';
  count: number;
}

export interface ListenOptions {
  /** Removes the listener when it aborts. */
  signal?: AbortSignal | undefined;
}

export interface StreamOptions<Events extends EventMap> {
  /** Ends the stream when it aborts. */
  signal?: AbortSignal | undefined;
  /** Only these; all by default. */
  types?: readonly (keyof Events & string)[] | undefined;
  /** How many events wait for a slow consumer before the oldest is dropped; 1,000 by default. */
  capacity?: number | undefined;
}

/** What a client of ours offers for its events. Listeners cannot hurt it: what they throw is logged. */
export interface EventSource<Events extends EventMap> {
  /** Calls `listener` for each event; returns a function that removes it. */
  on<Name extends keyof Events & string>(
    name: Name,
    listener: (payload: Events[Name]) => void,
    options?: ListenOptions,
  ): () => void;
  once<Name extends keyof Events & string>(
    name: Name,
    listener: (payload: Events[Name]) => void,
    options?: ListenOptions,
  ): () => void;
  off<Name extends keyof Events & string>(name: Name, listener: (payload: Events[Name]) => void): void;
  /** Events as they come, until the source is closed. */
  events(options?: StreamOptions<Events>): AsyncIterableIterator<EventOf<Events>>;
}

type AnyListener = (payload: never) => void;

export interface EmitterOptions<Events extends EventMap> {
  /** Events that describe a state: a new listener gets the latest at once. */
  replay?: readonly (keyof Events & string)[] | undefined;
  /** Gets every event too: the way into a stream that merges several emitters. */
  forward?:
    (<Name extends keyof Events & string>(name: Name, payload: Events[Name] & object) => void) | undefined;
}

/** The one place that knows the emitter library. Each listener runs in its own try. */
export class Emitter<Events extends EventMap> implements EventSource<Events> {
  readonly #emitter = new EventEmitter();
  readonly #streams = new Set<(name: string, payload: object) => void>();
  readonly #enders = new Set<() => void>();
  readonly #wrapped = new Map<string, Map<AnyListener, () => void>>();
  readonly #logger: Logger;
  readonly #replayed: ReadonlySet<string>;
  readonly #lastPayloads = new Map<string, object>();
  readonly #forward: EmitterOptions<Events>['forward'];
  #ended = false;

  constructor(logger: Logger, options: EmitterOptions<Events> = {}) {
    this.#logger = logger;
    this.#replayed = new Set(options.replay);
    this.#forward = options.forward;
  }

  emit<Name extends keyof Events & string>(name: Name, payload: Events[Name] & object): void {
    if (this.#ended) return;
    if (this.#replayed.has(name)) this.#lastPayloads.set(name, payload);
    this.#emitter.emit(name, payload);
    for (const push of this.#streams) push(name, payload);
    this.#forward?.(name, payload);
  }

  on<Name extends keyof Events & string>(
    name: Name,
    listener: (payload: Events[Name]) => void,
    options: ListenOptions = {},
  ): () => void {
    this.off(name, listener);
    const { signal } = options;
    if (signal?.aborted) return () => undefined;
    const guarded = (payload: Events[Name]): void => this.#call(name, listener, payload);
    const remove = (): void => {
      this.#emitter.off(name, guarded);
      signal?.removeEventListener('abort', remove);
      this.#wrapped.get(name)?.delete(listener);
    };
    this.#emitter.on(name, guarded);
    signal?.addEventListener('abort', remove, { once: true });
    const listeners = this.#wrapped.get(name) ?? new Map<AnyListener, () => void>();
    this.#wrapped.set(name, listeners.set(listener, remove));
    const last = this.#lastPayloads.get(name);
    if (last !== undefined) guarded(last as Events[Name]);
    return remove;
  }

  once<Name extends keyof Events & string>(
    name: Name,
    listener: (payload: Events[Name]) => void,
    options?: ListenOptions,
  ): () => void {
    let called = false;
    const onFirst = (payload: Events[Name]): void => {
      if (called) return;
      called = true;
      // A replayed state calls before `on` has returned the remover, so removal goes by the listener.
      queueMicrotask(() => this.off(name, onFirst));
      listener(payload);
    };
    return this.on(name, onFirst, options);
  }

  off<Name extends keyof Events & string>(name: Name, listener: (payload: Events[Name]) => void): void {
    this.#wrapped.get(name)?.get(listener)?.();
  }

  events(options: StreamOptions<Events> = {}): AsyncIterableIterator<EventOf<Events>> {
    const { signal, types, capacity = 1000 } = options;
    const wanted = types === undefined ? undefined : new Set<string>(types);
    const queue = new AsyncQueue<EventOf<Events>>({
      capacity,
      onDropped: (count) => ({ type: 'events.dropped', count }),
    });
    const push = (name: string, payload: object): void => {
      if (wanted === undefined || wanted.has(name)) queue.push({ type: name, ...payload } as EventOf<Events>);
    };
    const end = (): void => {
      this.#streams.delete(push);
      this.#enders.delete(end);
      signal?.removeEventListener('abort', end);
      queue.end();
    };
    if (this.#ended || signal?.aborted) {
      queue.end();
    } else {
      for (const [name, payload] of this.#lastPayloads) push(name, payload);
      this.#streams.add(push);
      this.#enders.add(end);
      signal?.addEventListener('abort', end, { once: true });
    }
    return {
      next: () => queue.next(),
      return: () => {
        end();
        return queue.return();
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }

  /** Ends every stream and forgets every listener; later events go nowhere. */
  end(): void {
    this.#ended = true;
    for (const finish of this.#enders) finish();
    for (const listeners of this.#wrapped.values()) for (const remove of listeners.values()) remove();
  }

  #call<Payload>(name: string, listener: (payload: Payload) => void, payload: Payload): void {
    try {
      listener(payload);
    } catch (error) {
      this.#logger.error(`a listener of ${name} threw`, { error: String(error) });
    }
  }
}
