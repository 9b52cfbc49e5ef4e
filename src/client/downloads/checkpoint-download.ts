import type { Emitter } from '../../core/emitter.ts';
import { CancelledError } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import type {
  CancelDownloadOptions,
  DownloadEvents,
  DownloadResult,
  DownloadState,
} from '../../types/downloads.ts';
import { EventedClient } from '../evented-client.ts';

/** The running download behind a handle. */
export interface DownloadRun {
  readonly state: DownloadState;
  readonly outcome: Promise<DownloadResult>;
  /** Asks it to end with `reason`; the outcome tells when nothing of it runs, and unless `keep` nothing of it is left. */
  cancel: (reason: unknown, options: { keep: boolean }) => void;
  pause: () => void;
  resume: () => void;
}

/** @internal */
interface CheckpointDownloadOptions {
  tinkerPath: string;
  destination: string;
  run: DownloadRun;
  emitter: Emitter<DownloadEvents>;
  logger: Logger;
}

/**
 * A checkpoint on its way to disk. Await it for the result; its events tell how far it is. A download that fails and that
 * nobody awaits is logged and does not end the process.
 */
export class CheckpointDownload extends EventedClient<DownloadEvents> implements PromiseLike<DownloadResult> {
  readonly tinkerPath: string;
  /** Absolute path of the folder that will appear; it is never there half complete. */
  readonly destination: string;
  readonly #run: DownloadRun;
  #observed = false;

  /** @internal `DownloadManager.download` makes handles. */
  static create(options: CheckpointDownloadOptions): CheckpointDownload {
    return new CheckpointDownload(options);
  }

  private constructor({ tinkerPath, destination, run, emitter, logger }: CheckpointDownloadOptions) {
    super(emitter, {
      get isOpen() {
        return !['done', 'failed', 'cancelled'].includes(run.state);
      },
      close: async () => {
        run.cancel(new CancelledError(`the download of ${tinkerPath} was closed`), { keep: true });
        await run.outcome.catch(() => undefined);
      },
    });
    this.tinkerPath = tinkerPath;
    this.destination = destination;
    this.#run = run;
    run.outcome.catch((error: unknown) => {
      if (!this.#observed)
        logger.warn(`the download of ${tinkerPath} failed and nobody awaits it`, { error: String(error) });
    });
  }

  get status(): DownloadState {
    return this.#run.state;
  }

  /**
   * Ends the download: it rejects with CancelledError once nothing of it is left on disk; with `keep` what came stays there,
   * and a later download of the checkpoint to the same place goes on from it. Too late when the folder is being put in place,
   * which takes an instant.
   */
  cancel({ keep = false }: CancelDownloadOptions = {}): void {
    this.#run.cancel(new CancelledError(`the download of ${this.tinkerPath} was cancelled`), { keep });
  }

  /** Stops and lets others have its turn; what was fetched stays. Without effect when it is over, or being put in place. */
  pause(): void {
    this.#run.pause();
  }

  /** Goes on after `pause` with what is missing. */
  resume(): void {
    this.#run.resume();
  }

  /** Ends what is still under way, keeps what came, and resolves when nothing of it runs; never rejects. */
  override close(): Promise<void> {
    this.#observed = true;
    return super.close();
  }

  // oxlint-disable-next-line unicorn/no-thenable -- it is meant to be awaited
  then<Fulfilled = DownloadResult, Rejected = never>(
    onFulfilled?: ((value: DownloadResult) => Fulfilled | PromiseLike<Fulfilled>) | null,
    onRejected?: ((reason: unknown) => Rejected | PromiseLike<Rejected>) | null,
  ): Promise<Fulfilled | Rejected> {
    this.#observed = true;
    return this.#run.outcome.then(onFulfilled, onRejected);
  }

  catch<Other = never>(
    onRejected: (reason: unknown) => Other | PromiseLike<Other>,
  ): Promise<DownloadResult | Other> {
    return this.then(undefined, onRejected);
  }

  finally(onFinally: () => void): Promise<DownloadResult> {
    this.#observed = true;
    return this.#run.outcome.finally(onFinally);
  }
}
