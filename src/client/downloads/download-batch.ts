import { Emitter } from '../../core/emitter.ts';
import { CancelledError } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import { toError } from '../../core/thrown.ts';
import type {
  BatchItem,
  CancelDownloadOptions,
  DownloadEvents,
  DownloadManagerEvents,
} from '../../types/downloads.ts';
import { EventedClient } from '../evented-client.ts';
import type { CheckpointDownload } from './checkpoint-download.ts';

/** @internal */
interface DownloadBatchOptions {
  paths: Iterable<string> | AsyncIterable<string>;
  concurrency: number;
  onFailure: 'continue' | 'stop';
  signal: AbortSignal | undefined;
  start: (tinkerPath: string) => CheckpointDownload;
  logger: Logger;
}

const forwarded = [
  'state.changed',
  'progress.updated',
  'retry.scheduled',
  'archive.pending',
  'download.completed',
  'download.failed',
] as const satisfies ReadonlyArray<keyof DownloadEvents>;

/**
 * Many checkpoints on their way to disk, a few at a time. Await it for what became of each, in the order of the input: it
 * rejects only when the input itself does. Its events are those of all its downloads, each with its `path`.
 */
export class DownloadBatch extends EventedClient<DownloadManagerEvents> implements PromiseLike<BatchItem[]> {
  readonly #options: DownloadBatchOptions;
  readonly #emitter: Emitter<DownloadManagerEvents>;
  readonly #handles = new Set<CheckpointDownload>();
  readonly #items: BatchItem[] = [];
  readonly #outcome: Promise<BatchItem[]>;
  #resumed: PromiseWithResolvers<void> | undefined;
  #isEnding = false;

  /** @internal `DownloadManager.downloadAll` makes batches. */
  static create(options: DownloadBatchOptions): DownloadBatch {
    return new DownloadBatch(options);
  }

  private constructor(options: DownloadBatchOptions) {
    const emitter = new Emitter<DownloadManagerEvents>(options.logger);
    const isOver = { value: false };
    super(emitter, {
      get isOpen() {
        return !isOver.value;
      },
      close: async () => {
        this.cancel({ keep: true });
        await this.#outcome.catch(() => undefined);
      },
    });
    this.#options = options;
    this.#emitter = emitter;
    this.#outcome = this.#run().finally(() => {
      isOver.value = true;
      emitter.end();
    });
    this.#outcome.catch(() => undefined);
  }

  /** The downloads that are under way now. */
  get handles(): readonly CheckpointDownload[] {
    return [...this.#handles];
  }

  /** Stops all that is under way and begins nothing new, until `resume`. */
  pause(): void {
    this.#resumed ??= Promise.withResolvers();
    for (const handle of this.#handles) handle.pause();
  }

  resume(): void {
    this.#resumed?.resolve();
    this.#resumed = undefined;
    for (const handle of this.#handles) handle.resume();
  }

  /**
   * Cancels what is under way and begins nothing new: what is not done by then counts as cancelled. With `keep` what came
   * of it stays for a later download.
   */
  cancel(options?: CancelDownloadOptions): void {
    this.#isEnding = true;
    for (const handle of this.#handles) handle.cancel(options);
    this.resume();
  }

  // oxlint-disable-next-line unicorn/no-thenable -- it is meant to be awaited
  then<Fulfilled = BatchItem[], Rejected = never>(
    onFulfilled?: ((value: BatchItem[]) => Fulfilled | PromiseLike<Fulfilled>) | null,
    onRejected?: ((reason: unknown) => Rejected | PromiseLike<Rejected>) | null,
  ): Promise<Fulfilled | Rejected> {
    return this.#outcome.then(onFulfilled, onRejected);
  }

  async #run(): Promise<BatchItem[]> {
    const { paths, concurrency, signal } = this.#options;
    const source = toAsyncIterator(paths);
    const onAbort = (): void => this.cancel({ keep: true });
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted) onAbort();
    let count = 0;
    const work = async (): Promise<void> => {
      for (;;) {
        await this.#resumed?.promise;
        if (this.#isEnding) return;
        const next = await source.next();
        if (next.done === true) return;
        const index = count++;
        this.#items[index] = await this.#downloadOne(next.value);
      }
    };
    try {
      const ends = await Promise.allSettled(Array.from({ length: concurrency }, work));
      const broken = ends.find((end) => end.status === 'rejected');
      if (broken !== undefined) throw broken.reason;
      // Of a list all are told; who else has more to give need not know.
      for (const path of Array.isArray(paths) ? paths.slice(count) : [])
        this.#items.push({ tinker_path: path as string, status: 'cancelled' });
      return this.#items;
    } finally {
      signal?.removeEventListener('abort', onAbort);
      if (this.#isEnding) await source.return?.();
    }
  }

  async #downloadOne(tinker_path: string): Promise<BatchItem> {
    try {
      // It may have ended while the input was awaited.
      if (this.#isEnding) return { tinker_path, status: 'cancelled' };
      const handle = this.#options.start(tinker_path);
      this.#handles.add(handle);
      for (const name of forwarded)
        handle.on(name, (payload) => this.#emitter.emit(name, { ...payload, path: tinker_path }));
      if (this.#resumed !== undefined) handle.pause();
      try {
        return { tinker_path, status: 'done', result: await handle };
      } finally {
        this.#handles.delete(handle);
      }
    } catch (error) {
      if (this.#isEnding || error instanceof CancelledError) return { tinker_path, status: 'cancelled' };
      if (this.#options.onFailure === 'stop') this.cancel({ keep: true });
      return {
        tinker_path,
        status: 'failed',
        error: toError(error),
      };
    }
  }
}

function toAsyncIterator(paths: Iterable<string> | AsyncIterable<string>): AsyncIterator<string> {
  if (Symbol.asyncIterator in paths) return paths[Symbol.asyncIterator]();
  const iterator = paths[Symbol.iterator]();
  return {
    next: () => Promise.resolve(iterator.next()),
    return: () => Promise.resolve(iterator.return?.() ?? { done: true, value: undefined }),
  };
}
