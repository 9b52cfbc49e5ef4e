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

const counters = Object.keys(titles) as (keyof Census)[];

/** What compiled code and caches may add in 8,000 calls: 125 bytes a call. */
const heapToleranceMegabytes = 1;

export function renderLeaks(report: LeakReport, count: number): string {
  const { before, afterSteps, afterSamples, closed, heapMarks } = report;
  const rows = counters.map((name) => [
    titles[name],
    ...[before, afterSteps, afterSamples, closed].map((census) => {
      const value = census[name];
      return Number.isInteger(value) ? String(value) : value.toFixed(1);
    }),
  ]);
  const calls = count.toLocaleString('en-US');
  const marks = heapMarks.map((megabytes) => megabytes.toFixed(1)).join(', ');
  const growth = findGrowth(report);
  return [
    renderTable(['Alive', 'before', `after ${calls} steps`, `and ${calls} samples`, 'closed'], rows),
    `Heap in MB after each fifth of the steps, then of the samples: ${marks}.`,
    growth.length === 0 ? 'All of it is flat.' : `**Not flat:** ${growth.join(', ')}.`,
  ].join('\n\n');
}

/** What grew with the number of calls. The heap is compared within each loop, when everything has run for a while. */
function findGrowth({ before, afterSamples, heapMarks }: LeakReport): string[] {
  const loops = { steps: heapMarks.slice(0, 5), samples: heapMarks.slice(5) };
  const heap = Object.entries(loops).flatMap(([loop, [first = 0, ...rest]]) => {
    const megabytes = (rest.at(-1) ?? first) - first;
    return megabytes > heapToleranceMegabytes ? [`heap by ${megabytes.toFixed(1)} MB in the ${loop}`] : [];
  });
  const counts = counters
    .filter((name) => name !== 'heapMegabytes' && afterSamples[name] > before[name] * 1.1 + 10)
    .map((name) => `${titles[name]} from ${before[name]} to ${afterSamples[name]}`);
  return [...heap, ...counts];
}
