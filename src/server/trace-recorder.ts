import type { Clock } from '../core/clock.ts';
import type { Engine } from './engine/engine.ts';
import { overrideEngine } from './engine-override.ts';
import { sessionOf } from './names.ts';

/** Something that took time for a session: a request, or work of the engine. */
interface Span {
  sessionId: string;
  category: 'request' | 'engine';
  name: string;
  startMs: number;
  durationMs: number;
  details: Record<string, unknown>;
}

/** The newest spans of all sessions are kept: some 20 MB. */
const maxSpans = 100_000;
const maxRequestIds = 100_000;

/** What was done when, for traces of sessions. It lives in memory and ends with the server. */
export class TraceRecorder {
  readonly startedAt: number;
  readonly #clock: Clock;
  readonly #spans: Span[] = [];
  /** The session that each operation belongs to, so that polls can be told apart. */
  readonly #sessionByRequestId = new Map<string, string>();
  #count = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.startedAt = clock.now();
  }

  /** Takes a span that ends now. */
  add(span: Omit<Span, 'startMs'>): void {
    const startMs = this.#clock.now() - span.durationMs;
    this.#spans[this.#count % maxSpans] = { ...span, startMs };
    this.#count += 1;
  }

  remember(requestId: string, sessionId: string): void {
    this.#sessionByRequestId.set(requestId, sessionId);
    const [oldest] = this.#sessionByRequestId.keys();
    if (this.#sessionByRequestId.size > maxRequestIds && oldest !== undefined) {
      this.#sessionByRequestId.delete(oldest);
    }
  }

  sessionOfRequest(requestId: string): string | undefined {
    return this.#sessionByRequestId.get(requestId);
  }

  /** The spans of a session, in the order in which they began. */
  list(sessionId: string): Span[] {
    return this.#spans
      .filter((span) => span.sessionId === sessionId)
      .toSorted((first, second) => first.startMs - second.startMs);
  }
}

/** An engine whose work is recorded. Calls wait for each other within the engine; the spans include that. */
export function traceEngine(engine: Engine, traces: TraceRecorder): Engine {
  const record = async <Result>(name: string, id: string, work: () => Promise<Result>): Promise<Result> => {
    const start = performance.now();
    let failed = true;
    try {
      const result = await work();
      failed = false;
      return result;
    } finally {
      const sessionId = sessionOf(id);
      if (sessionId !== undefined) {
        const durationMs = performance.now() - start;
        traces.add({ sessionId, category: 'engine', name, durationMs, details: { id, failed } });
      }
    }
  };
  return overrideEngine(engine, {
    createModel: (task) => record('createModel', task.modelId, () => engine.createModel(task)),
    forwardBackward: (task) => record('forwardBackward', task.modelId, () => engine.forwardBackward(task)),
    optimStep: (id, params) => record('optimStep', id, () => engine.optimStep(id, params)),
    saveModel: (task) => record('saveModel', task.modelId, () => engine.saveModel(task)),
    loadModel: (task) => record('loadModel', task.modelId, () => engine.loadModel(task)),
    createSampler: (task) => record('createSampler', task.samplerId, () => engine.createSampler(task)),
    sample: (task) => record('sample', task.samplerId, () => engine.sample(task)),
  });
}

/** The spans as a trace that Perfetto and Chrome read (the JSON of trace events). */
export function toTraceFile(sessionId: string, spans: readonly Span[], recordedSince: number): Buffer {
  const traceEvents = [
    { ph: 'M', name: 'process_name', pid: 1, args: { name: `session ${sessionId}` } },
    ...spans.flatMap(({ category, name, startMs, durationMs, details }, index) => {
      const shared = { cat: category, name, id: index + 1, pid: 1, tid: category === 'request' ? 1 : 2 };
      return [
        { ...shared, ph: 'b', ts: toMicroseconds(startMs), args: details },
        { ...shared, ph: 'e', ts: toMicroseconds(startMs + durationMs) },
      ];
    }),
  ];
  const metadata = { session_id: sessionId, recorded_since: new Date(recordedSince).toISOString() };
  return Buffer.from(JSON.stringify({ displayTimeUnit: 'ms', metadata, traceEvents }));
}

function toMicroseconds(milliseconds: number): number {
  return Math.round(milliseconds * 1000);
}
