import type { ApiClient } from '../../http/api-client.ts';
import { cancelFuture } from '../../http/endpoints/futures.ts';
import type { DynamicConfig } from '../../types/service.ts';
import { messageOf } from '../../core/thrown.ts';

/**
 * Tells the server which samples nobody waits for any more (wire-protocol 2.39), some at a time. It is a courtesy: what
 * fails is dropped.
 */
export class CancelQueue {
  readonly #api: ApiClient;
  /** The server's flags as they are now. */
  readonly #flags: () => DynamicConfig;
  readonly #waiting: string[] = [];
  #draining: Promise<void> | undefined;

  constructor(api: ApiClient, flags: () => DynamicConfig) {
    this.#api = api;
    this.#flags = flags;
  }

  add(requestId: string): void {
    if (!this.#flags().sample_cancel_enabled) return;
    this.#waiting.push(requestId);
    this.#draining ??= this.#drain();
  }

  /** Resolves when everything has been told. */
  async idle(): Promise<void> {
    await this.#draining;
  }

  async #drain(): Promise<void> {
    // Those that are given up at the same time go together.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, this.#flags().sample_cancel_max_batch_size);
      await Promise.all(batch.map((requestId) => this.#tell(requestId)));
    }
    this.#draining = undefined;
  }

  async #tell(requestId: string): Promise<void> {
    try {
      await cancelFuture(this.#api, requestId);
    } catch (error) {
      const reason = messageOf(error);
      this.#api.connection.logger.debug(`${requestId} was not cancelled on the server: ${reason}`);
    }
  }
}
