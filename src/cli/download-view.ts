import type { DownloadManager } from '../client/downloads/download-manager.ts';
import type { DownloadProgress, DownloadState } from '../types/downloads.ts';
import type { CommandContext } from './context.ts';
import { createProgressView, type ProgressTask } from './progress-view.ts';

/** What a person is told of a state; the others pass too quickly to be read. */
const phases: Partial<Record<DownloadState, string>> = {
  pending: 'waiting for the archive',
  transferring: 'downloading',
  extracting: 'extracting',
  backingOff: 'waiting to try again',
  cancelling: 'cancelling',
  done: 'done',
  failed: 'failed',
  cancelled: 'cancelled',
};

/** A line for each download while it runs, and one for all together where there may be several. */
export function showDownloads(
  context: CommandContext,
  downloads: DownloadManager,
  count: number | undefined,
): Disposable {
  const view = createProgressView(context);
  const tasks = new Map<string, ProgressTask>();
  const total = count === 1 ? undefined : new Total(view.task('total', 'bytes'), count);
  const taskOf = (path: string): ProgressTask => {
    const task = tasks.get(path) ?? view.task(path, 'bytes');
    tasks.set(path, task);
    return task;
  };
  downloads.on('state.changed', ({ path, state }) => {
    const phase = phases[state];
    if (phase !== undefined) taskOf(path).update({ phase, totalCount: undefined, ratePerSecond: undefined });
    if (state === 'done' || state === 'failed') total?.finish(path);
  });
  downloads.on('progress.updated', ({ path, ...progress }) => {
    const { receivedBytes: received, totalBytes: totalCount, ratePerSecond } = progress;
    taskOf(path).update({ count: received, totalCount, ratePerSecond });
    total?.update(path, progress);
  });
  return view;
}

/** All downloads together: bytes so far, and how many are done. */
class Total {
  readonly #task: ProgressTask;
  readonly #count: number | undefined;
  readonly #progress = new Map<string, DownloadProgress>();
  readonly #finished = new Set<string>();

  constructor(task: ProgressTask, count: number | undefined) {
    this.#task = task;
    this.#count = count;
    this.#show();
  }

  update(path: string, progress: DownloadProgress): void {
    if (progress.phase === 'transferring') this.#progress.set(path, progress);
    this.#show();
  }

  finish(path: string): void {
    this.#finished.add(path);
    this.#show();
  }

  #show(): void {
    const known = [...this.#progress.entries()];
    const sum = (value: (progress: DownloadProgress, path: string) => number): number =>
      known.reduce((total, [path, progress]) => total + value(progress, path), 0);
    // How much there is to come is known once each has begun.
    const isKnown =
      known.length === this.#count && known.every(([, { totalBytes }]) => totalBytes !== undefined);
    this.#task.update({
      phase: `${this.#finished.size} of ${this.#count ?? 'all'} done`,
      count: sum(({ receivedBytes }) => receivedBytes),
      totalCount: isKnown ? sum(({ totalBytes = 0 }) => totalBytes) : undefined,
      ratePerSecond: sum(({ ratePerSecond = 0 }, path) => (this.#finished.has(path) ? 0 : ratePerSecond)),
    });
  }
}
