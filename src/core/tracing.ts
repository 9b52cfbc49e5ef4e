import type { Clock } from './clock.ts';

/** One traced request. Times are set as attributes in milliseconds; the caller ends it, once. */
export interface RequestSpan {
  /** W3C trace context to send with every HTTP request that belongs to it. */
  readonly headers: Readonly<Record<string, string>>;
  set(name: string, value: string | number): void;
  end(error?: unknown): void;
}

/** Starts a span for a public call, named as the call is: `TrainingClient.forwardBackward`. */
export type StartSpan = (name: string) => RequestSpan;

const silentSpan: RequestSpan = { headers: {}, set: () => undefined, end: () => undefined };

/** What stands in while nobody traces: no object is made for a call. */
export const startNoSpan: StartSpan = () => silentSpan;

/** Splits the time of a span: each lap is an attribute with the milliseconds since the one before. Ends the span once. */
export class SpanLaps {
  readonly #span: RequestSpan;
  readonly #clock: Clock;
  #since: number;
  #ended = false;

  constructor(span: RequestSpan, clock: Clock) {
    this.#span = span;
    this.#clock = clock;
    this.#since = clock.now();
  }

  get headers(): RequestSpan['headers'] {
    return this.#span.headers;
  }

  lap(name: 'queue_ms' | 'submit_ms' | 'wait_ms'): void {
    const now = this.#clock.now();
    this.#span.set(name, now - this.#since);
    this.#since = now;
  }

  notePoll(iteration: number): void {
    this.#span.set('poll_count', iteration + 1);
  }

  end(error?: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#span.end(error);
  }
}
