import type { OnProgress } from './list-pages.ts';
import type { CommandContext } from './context.ts';
import type { ProgressTask, ProgressView } from './progress-view.ts';
import { tellOfWait } from './waiting.ts';

export interface FetchProgress extends Disposable {
  update: OnProgress;
}

/**
 * For lists of several pages; nothing is shown, or loaded, before the second page is needed. `hasBar` says whether a
 * terminal gets a bar.
 */
export function fetchProgress(
  context: CommandContext,
  nouns: string,
  limit: number,
  hasBar: boolean,
): FetchProgress {
  const label = `Fetching ${limit > 0 ? limit : 'all'} ${nouns}`;
  const wait = tellOfWait(context, `the ${nouns}`);
  let view: ProgressView | undefined;
  let task: ProgressTask | undefined;
  let isTold = false;
  return {
    async update(count, totalCount) {
      wait[Symbol.dispose]();
      if (!isTold && process.stderr.isTTY && hasBar) {
        const { createProgressView } = await import('./progress-view.ts');
        view = createProgressView(context);
        task = view.task(label, 'items');
      } else if (!isTold && !process.stderr.isTTY) context.note(label);
      isTold = true;
      task?.update({ count, totalCount: Number.isFinite(totalCount) ? totalCount : undefined });
    },
    [Symbol.dispose]() {
      wait[Symbol.dispose]();
      view?.[Symbol.dispose]();
    },
  };
}
