import { randomUUID } from 'node:crypto';
import type { Clock } from '../../core/clock.ts';
import { orAborted, withDeadline } from '../../core/deadline.ts';
import type { Logger } from '../../core/logger.ts';
import { protocolVersion } from '../../core/version.ts';
import { causesOf, messageOf } from '../../core/thrown.ts';
import type {
  TelemetryEvent,
  TelemetryFacts,
  TelemetryRequest,
  TelemetrySeverity,
} from '../../types/telemetry.ts';
import { toFailureFacts } from './failure-facts.ts';

export interface TelemetryOptions {
  /** Sends one batch, with its own few retries. */
  send: (request: TelemetryRequest, signal: AbortSignal) => Promise<void>;
  clock: Clock;
  /** Its timers do not keep the process alive. */
  backgroundClock: Clock;
  logger: Logger;
}

const queueLimitCount = 10_000;
const batchLimitCount = 100;
const flushEveryMs = 10_000;
/** As long as closing waits for the last batches. */
const closeLimitMs = 2000;

const processUuid = randomUUID();
const platforms: Partial<Record<NodeJS.Platform, string>> = {
  linux: 'Linux',
  darwin: 'Darwin',
  win32: 'Windows',
};

/**
 * Tells the service that a session began and which calls failed for good (wire-protocol 9). Whatever happens to that, work
 * and closing go on: events beyond the queue's limit and batches that cannot be sent are dropped.
 */
export class Telemetry implements AsyncDisposable {
  readonly #options: TelemetryOptions;
  readonly #stopping = new AbortController();
  /** Errors that were told: one may pass several places where it is final, and be wrapped on the way. */
  readonly #told = new WeakSet<Error>();
  readonly #queue: TelemetryEvent[] = [];
  #sessionId = `sessionless-${randomUUID()}`;
  #nextIndex = 0;
  #timer: unknown;
  #flushing: Promise<void> | undefined;
  #closed: Promise<void> | undefined;
  #hasOverflowed = false;

  constructor(options: TelemetryOptions) {
    this.#options = options;
  }

  startSession(sessionId: string): void {
    this.#sessionId = sessionId;
    this.#push('INFO', { event: 'SESSION_START' });
  }

  /** `what` names the call: a method of ours, or method and path of a request. */
  report(error: unknown, what: string): void {
    const failure = toFailureFacts(error, what);
    const errors = causesOf(error);
    if (failure === undefined || errors.some((cause) => this.#told.has(cause))) return;
    for (const cause of errors) this.#told.add(cause);
    this.#push(failure.severity, failure.facts);
  }

  /** Sends what waits, within two seconds. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    const { clock, backgroundClock } = this.#options;
    backgroundClock.clearTimeout(this.#timer);
    if (this.#queue.length === 0 && this.#flushing === undefined) return;
    await withDeadline('telemetry', { timeoutMs: closeLimitMs }, clock, (signal) =>
      orAborted(this.#flush(), signal),
    ).catch(() => undefined);
    this.#stopping.abort();
  }

  #push(severity: TelemetrySeverity, facts: TelemetryFacts): void {
    const { clock, backgroundClock, logger } = this.#options;
    if (this.#closed !== undefined) return;
    if (this.#queue.length >= queueLimitCount) {
      if (!this.#hasOverflowed) logger.warn('telemetry: the queue is full, further events are dropped');
      this.#hasOverflowed = true;
      return;
    }
    this.#queue.push({
      ...facts,
      event_id: randomUUID(),
      event_session_index: this.#nextIndex++,
      severity,
      timestamp: new Date(clock.now()).toISOString().replace('Z', '000Z'),
    });
    // What is under way takes the new event along.
    if (this.#flushing !== undefined || this.#timer !== undefined) return;
    this.#timer = backgroundClock.setTimeout(() => {
      this.#timer = undefined;
      this.#flush().catch(() => undefined);
    }, flushEveryMs);
  }

  #flush(): Promise<void> {
    this.#flushing ??= this.#sendAll().finally(() => (this.#flushing = undefined));
    return this.#flushing;
  }

  async #sendAll(): Promise<void> {
    const { send, logger } = this.#options;
    const { signal } = this.#stopping;
    while (this.#queue.length > 0 && !signal.aborted) {
      const events = this.#queue.splice(0, batchLimitCount);
      try {
        await send(
          {
            events,
            platform: platforms[process.platform] ?? process.platform,
            sdk_version: protocolVersion,
            session_id: this.#sessionId,
            process_uuid: processUuid,
          },
          signal,
        );
      } catch (error) {
        const reason = messageOf(error);
        logger.debug(`telemetry: ${events.length} events were dropped: ${reason}`);
      }
    }
  }
}
