import type { Logger } from '../core/logger.ts';

/** Work that no request waits for. Closing the server does. */
export class BackgroundWork {
  readonly #logger: Logger;
  readonly #running = new Set<Promise<void>>();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** `what` names the work in the log if it fails. */
  start(what: string, work: () => Promise<unknown>): void {
    const running = this.#run(what, work).finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  /** Resolves when everything that was started has ended. */
  async idle(): Promise<void> {
    await Promise.all(this.#running);
  }

  async #run(what: string, work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#logger.error(`${what} failed`, { error: String(error) });
    }
  }
}
