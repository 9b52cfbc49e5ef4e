import type { Emitter } from '../core/emitter.ts';
import type { Logger } from '../core/logger.ts';
import type { DeprecationNoted, ServerMessage, ServiceEvents } from '../types/events.ts';

/** More different notes than this are not told: a server could make them up without end. */
const maxNoteCount = 100;
const methods = { info: 'info', warning: 'warn', error: 'error' } as const;

/** What the server has to say to the user: logged at its level, and told as an event. */
export class ServerNotices {
  readonly #emitter: Emitter<ServiceEvents>;
  readonly #logger: Logger;
  readonly #notes = new Set<string>();

  constructor(emitter: Emitter<ServiceEvents>, logger: Logger) {
    this.#emitter = emitter;
    this.#logger = logger;
  }

  tellMessage({ level, text }: ServerMessage): void {
    this.#logger[methods[level]](text);
    this.#emitter.emit('server.message', { level, text });
  }

  /** The server repeats a note with every answer; it is told once. */
  tellDeprecation({ note, level }: DeprecationNoted): void {
    if (this.#notes.has(note) || this.#notes.size >= maxNoteCount) return;
    this.#notes.add(note);
    this.#logger[methods[level]](`deprecation notice of the server: ${note}`);
    this.#emitter.emit('deprecation.noted', { note, level });
  }
}
