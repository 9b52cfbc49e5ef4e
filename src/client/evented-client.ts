import type {
  Emitter,
  EventMap,
  EventOf,
  EventSource,
  ListenOptions,
  StreamOptions,
} from '../core/emitter.ts';
import type { ClientLife, CloseOptions } from '../types/client-life.ts';

/** What every client has in common: typed events, and an end. */
export abstract class EventedClient<Events extends EventMap> implements EventSource<Events>, AsyncDisposable {
  readonly #emitter: Emitter<Events>;
  /** @internal */
  protected readonly life: ClientLife;

  protected constructor(emitter: Emitter<Events>, life: ClientLife) {
    this.#emitter = emitter;
    this.life = life;
  }

  on<Name extends keyof Events & string>(
    name: Name,
    listener: (payload: Events[Name]) => void,
    options?: ListenOptions,
  ): () => void {
    return this.#emitter.on(name, listener, options);
  }

  once<Name extends keyof Events & string>(
    name: Name,
    listener: (payload: Events[Name]) => void,
    options?: ListenOptions,
  ): () => void {
    return this.#emitter.once(name, listener, options);
  }

  off<Name extends keyof Events & string>(name: Name, listener: (payload: Events[Name]) => void): void {
    this.#emitter.off(name, listener);
  }

  events(options?: StreamOptions<Events>): AsyncIterableIterator<EventOf<Events>> {
    return this.#emitter.events(options);
  }

  /**
   * Takes no more calls, lets those under way finish, and ends; after `deadlineMs` (30 s by default) whatever is left
   * fails with ClientClosedError.
   */
  async close(options?: CloseOptions): Promise<void> {
    await this.life.close(options);
    this.#emitter.end();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
