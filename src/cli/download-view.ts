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
  count: number,
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
    if (phase === undefined) return;
    const change = { phase, totalCount: undefined, ratePerSecond: undefined };
    if (state === 'done' || state === 'failed' || state === 'cancelled') taskOf(path).end(change);
    else taskOf(path).update(change);
    if (state === 'done' || state === 'failed') total?.finish(path, state);
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
  readonly #count: number;
  readonly #progress = new Map<string, DownloadProgress>();
  readonly #finished = new Map<string, 'done' | 'failed'>();

  constructor(task: ProgressTask, count: number) {
    this.#task = task;
    this.#count = count;
    this.#show();
  }

  update(path: string, progress: DownloadProgress): void {
    if (progress.phase === 'transferring') this.#progress.set(path, progress);
    this.#show();
  }

  finish(path: string, state: 'done' | 'failed'): void {
    this.#finished.set(path, state);
    this.#show();
  }

  #show(): void {
    const begun = [...this.#progress.entries()];
    const sum = (value: (progress: DownloadProgress, path: string) => number): number =>
      begun.reduce((total, [path, progress]) => total + value(progress, path), 0);
    const sizes = begun.flatMap(([, { totalBytes }]) => totalBytes ?? []);
    const failedCount = this.#finished
      .values()
      .filter((state) => state === 'failed')
      .toArray().length;
    const doneCount = this.#finished.size - failedCount;
    // Those that have not begun are taken to be as large as the others.
    const share = sizes.length / this.#count;
    this.#task.update({
      isSummary: true,
      phase: `${doneCount} of ${this.#count} done${failedCount > 0 ? `, ${failedCount} failed` : ''}`,
      count: sum(({ receivedBytes }) => receivedBytes),
      totalCount: share > 0 ? sizes.reduce((total, size) => total + size, 0) / share : undefined,
      isEstimate: share < 1,
      ratePerSecond: sum(({ ratePerSecond = 0 }, path) => (this.#finished.has(path) ? 0 : ratePerSecond)),
    });
  }
}
