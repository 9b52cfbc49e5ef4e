import { MultiBar } from 'cli-progress';
import type { CommandContext } from './context.ts';
import type { OnProgress } from './collect-items.ts';
import { formatProgressLine, type ProgressState } from './progress-line.ts';

/** Shows how work goes on, on standard error: bars on a terminal, lines elsewhere, nothing in the JSON format. */
export interface ProgressView extends Disposable {
  task(label: string, unit: ProgressState['unit']): ProgressTask;
}

export interface ProgressTask {
  update(change: Partial<Omit<ProgressState, 'label' | 'unit'>>): void;
}

export function createProgressView(context: CommandContext): ProgressView {
  if (context.format === 'json') return hiddenView;
  return process.stderr.isTTY ? createBars(context) : createLines(context);
}

const hiddenView: ProgressView = {
  task: () => ({ update: () => undefined }),
  [Symbol.dispose]: () => undefined,
};

function createBars(context: CommandContext): ProgressView {
  const bars = new MultiBar({
    stream: process.stderr,
    hideCursor: true,
    // Interrupts are ours: the bars are stopped when the view is disposed of.
    gracefulExit: false,
    format: (_options, { maxWidth }, { state }: { state: ProgressState }) =>
      formatProgressLine(state, maxWidth - 1),
  });
  const notes = context.divertNotes((line) => bars.log(`${line}\n`));
  return {
    task(label, unit) {
      let state: ProgressState = { label, unit, phase: unit === 'bytes' ? 'waiting' : '', count: 0 };
      const bar = bars.create(1, 0, { state });
      return {
        update(change) {
          state = { ...state, ...change };
          bar.update({ state });
        },
      };
    },
    [Symbol.dispose]() {
      bars.stop();
      notes[Symbol.dispose]();
    },
  };
}

/** One line for each phase; how far it is would be noise in a log. */
function createLines({ note }: CommandContext): ProgressView {
  return {
    task(label) {
      let phase = '';
      return {
        update(change) {
          if (change.phase === undefined || change.phase === phase) return;
          phase = change.phase;
          note(`${label}: ${phase}`);
        },
      };
    },
    [Symbol.dispose]: () => undefined,
  };
}

export interface FetchProgress extends Disposable {
  update: OnProgress;
}

/** For lists of several pages; nothing is shown before the second page is needed. */
export function fetchProgress(context: CommandContext, nouns: string, limit: number): FetchProgress {
  const label = `Fetching ${limit > 0 ? limit : 'all'} ${nouns}`;
  let view = hiddenView;
  let task: ProgressTask | undefined;
  return {
    update(count, totalCount) {
      if (task === undefined) {
        if (process.stderr.isTTY) view = createProgressView(context);
        else context.note(label);
        task = view.task(label, 'items');
      }
      task.update({ count, totalCount: Number.isFinite(totalCount) ? totalCount : undefined });
    },
    [Symbol.dispose]: () => view[Symbol.dispose](),
  };
}
