import { renderTable } from './render.ts';

/** What is alive in a process after a collection. */
export interface Census {
  heapMegabytes: number;
  externalMegabytes: number;
  /** What keeps the process alive, timers apart. */
  handles: number;
  timers: number;
  sockets: number;
  /** State machines and whatever they invoke or spawn. */
  actors: number;
  /** Listeners on our emitters, of all clients and futures. */
  emitterListeners: number;
  signals: number;
  /** On the caller's signal, which every call was given. */
  signalListeners: number;
}

export interface LeakReport {
  before: Census;
  afterSteps: Census;
  afterSamples: Census;
  closed: Census;
  /** The heap after each fifth of the steps, then of the samples. */
  heapMarks: number[];
}

const titles: Record<keyof Census, string> = {
  heapMegabytes: 'heap, MB',
  externalMegabytes: 'outside the heap, MB',
  handles: 'handles',
  timers: 'timers',
  sockets: 'sockets',
  actors: 'actors',
  emitterListeners: 'listeners on emitters',
  signals: 'abort signals',
  signalListeners: "listeners on the caller's signal",
};

export function renderLeaks(
  { before, afterSteps, afterSamples, closed, heapMarks }: LeakReport,
  count: number,
): string {
  const names = Object.keys(titles) as (keyof Census)[];
  const rows = names.map((name) => [
    titles[name],
    ...[before, afterSteps, afterSamples, closed].map((census) => {
      const value = census[name];
      return Number.isInteger(value) ? String(value) : value.toFixed(1);
    }),
  ]);
  const steps = count.toLocaleString('en-US');
  const table = renderTable(
    ['Alive', 'before', `after ${steps} steps`, `and ${steps} samples`, 'closed'],
    rows,
  );
  const marks = heapMarks.map((megabytes) => megabytes.toFixed(1)).join(', ');
  return `${table}\n\nHeap in MB after each fifth of the steps, then of the samples: ${marks}.`;
}
