import PQueue from 'p-queue';
import type { Clock } from '../../core/clock.ts';
import { orAborted, withDeadline } from '../../core/deadline.ts';
import { ClientClosedError } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import type { ClientLife, CloseOptions } from '../../types/client-life.ts';
import { WorkerPool } from '../../workers/pool.ts';
import type { WorkerNetwork } from '../../workers/signed-url.ts';
import { SpaceLedger } from './free-space.ts';
import type { StartedDownload } from './start-download.ts';

const defaultDeadlineMs = 10_000;

interface DownloadRegistryOptions {
  clock: Clock;
  logger: Logger;
  concurrency: number;
  network: WorkerNetwork | undefined;
}

/** What the downloads of one manager share, and how all of it ends. */
export class DownloadRegistry implements ClientLife {
  readonly pool: WorkerPool;
  readonly slots: PQueue;
  /** The first steps of hundreds that are asked for together come one after the other: heartbeats have their turn in between. */
  readonly starts = new PQueue({ concurrency: 4 });
  readonly space = new SpaceLedger();
  /** By destination. */
  readonly #downloads = new Map<string, StartedDownload>();
  readonly #clock: Clock;
  readonly #logger: Logger;
  #closed: Promise<void> | undefined;

  constructor({ clock, logger, concurrency, network }: DownloadRegistryOptions) {
    this.#clock = clock;
    this.#logger = logger;
    this.pool = new WorkerPool({ clock, logger, network });
    this.slots = new PQueue({ concurrency });
  }

  get isOpen(): boolean {
    return this.#closed === undefined;
  }

  find(destination: string): StartedDownload | undefined {
    return this.#downloads.get(destination);
  }

  add(destination: string, download: StartedDownload): void {
    this.#downloads.set(destination, download);
    const forget = (): void => void this.#downloads.delete(destination);
    download.run.outcome.then(forget, forget);
  }

  close({ deadlineMs = defaultDeadlineMs }: CloseOptions = {}): Promise<void> {
    this.#closed ??= this.#end(deadlineMs);
    return this.#closed;
  }

  async #end(timeoutMs: number): Promise<void> {
    const runs = [...this.#downloads.values()].map(({ run }) => run);
    const ending = Promise.allSettled(runs.map(({ outcome }) => outcome));
    for (const run of runs)
      run.cancel(new ClientClosedError('The download manager was closed'), { keep: true });
    try {
      const options = { timeoutMs };
      await withDeadline('closing the downloads', options, this.#clock, (signal) =>
        orAborted(ending, signal),
      );
    } catch {
      this.#logger.warn(`downloads did not end within ${timeoutMs} ms: their threads are ended`);
    }
    await this.pool.close();
    await ending;
  }
}
