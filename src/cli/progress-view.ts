import { MultiBar, type SingleBar } from 'cli-progress';
import { isJson, type CommandContext } from './context.ts';
import { formatProgressLine, labelWidthOf, type ProgressState } from './progress-line.ts';

/** Shows how work goes on, on standard error: bars on a terminal, lines elsewhere, nothing in the JSON formats. */
export interface ProgressView extends Disposable {
  task(label: string, unit: ProgressState['unit']): ProgressTask;
}

type Change = Partial<Omit<ProgressState, 'label' | 'unit'>>;

export interface ProgressTask {
  update(change: Change): void;
  /** The last change. Where there are other lines, this one moves above those that still change. */
  end(change: Change): void;
}

export function createProgressView(context: CommandContext): ProgressView {
  if (isJson(context.format)) return hiddenView;
  return process.stderr.isTTY ? createBars(context) : createLines(context);
}

const hiddenView: ProgressView = {
  task: () => ({ update: () => undefined, end: () => undefined }),
  [Symbol.dispose]: () => undefined,
};

const clearToLineEnd = '\u001b[K';

function createBars(context: CommandContext): ProgressView {
  const bars = new MultiBar({
    stream: process.stderr,
    hideCursor: true,
    // Interrupts are ours: the bars are stopped when the view is disposed of.
    gracefulExit: false,
    // Our lines fit; what is logged above them may be longer.
    linewrap: true,
    format: (_options, { maxWidth }, { state }: { state: ProgressState }) => format(state, maxWidth),
  });
  const states = new Map<SingleBar, ProgressState>();
  const format = (state: ProgressState, maxWidth: number): string =>
    formatProgressLine(state, maxWidth - 1, labelWidthOf(states.values(), maxWidth - 1));
  const log = (line: string): void => bars.log(`${line}${clearToLineEnd}\n`);
  const notes = context.divertNotes(log);
  return {
    task(label, unit) {
      let state: ProgressState = { label, unit, phase: unit === 'bytes' ? 'waiting' : '', count: 0 };
      const bar = bars.create(1, 0, { state });
      const update = (change: Change): void => {
        state = { ...state, ...change };
        states.set(bar, state);
        bar.update({ state });
      };
      update({});
      return {
        update,
        end(change) {
          update(change);
          if (states.size === 1) return;
          log(format(state, process.stderr.columns));
          states.delete(bar);
          bars.remove(bar);
        },
      };
    },
    [Symbol.dispose]() {
      // Stopping alone forgets what was logged since the last drawing.
      bars.update();
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
      const update = (change: Change): void => {
        if (change.phase === undefined || change.phase === phase) return;
        phase = change.phase;
        note(`${label}: ${phase}`);
      };
      return { update, end: update };
    },
    [Symbol.dispose]: () => undefined,
  };
}
