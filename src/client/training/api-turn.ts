import type {
  Turn,
  TurnAccepted,
  TurnEnd,
  TurnPaused,
  TurnPlace,
  TurnRefused,
} from '../../machines/turn-queue.ts';
import type { SpanLaps } from '../../core/tracing.ts';
import { toError } from '../../core/thrown.ts';
import type { DeferredFuture } from '../api-future.ts';

/** What of a turn has been sent when its submission ends: the server's ids, or how far it came. */
export type Submission =
  | { kind: 'accepted'; requestIds: readonly string[] }
  | (TurnRefused & {
      /** Those of its sequence ids that the server may not have seen, and would wait for. */
      openIds: readonly number[];
    })
  | (TurnPaused & {
      /** Some of its requests have been accepted: it can no longer be taken back. */
      isPartlySent: boolean;
    });

export interface ApiTurnOptions<Value> {
  method: string;
  width: number;
  future: DeferredFuture<Value>;
  /** `untilDetached` aborts when the caller gives up, too: what is being sent is sent to its end, waiting is not. */
  submit: (place: TurnPlace, signal: AbortSignal, untilDetached: AbortSignal) => Promise<Submission>;
  laps: SpanLaps;
  /** Told of a failure that reaches the caller. */
  onFailure: (error: unknown) => void;
  /** The result of what was accepted. */
  retrieve: (requestIds: readonly string[], signal: AbortSignal) => Promise<Value>;
}

/** A call on a training client as the machine sees it: sends, waits, and settles the caller's future. */
export class ApiTurn<Value> implements Turn {
  readonly #options: ApiTurnOptions<Value>;
  readonly #detached = new AbortController();
  #requestIds: readonly string[] = [];
  #isPartlySent = false;

  constructor(options: ApiTurnOptions<Value>) {
    this.#options = options;
  }

  get method(): string {
    return this.#options.method;
  }

  get width(): number {
    return this.#options.width;
  }

  /** The caller gave up: a result that is awaited is awaited no longer. */
  detach(): void {
    this.#options.laps.end(new Error(`${this.method} was given up`));
    this.#detached.abort();
  }

  async submit(place: TurnPlace, signal: AbortSignal): Promise<TurnAccepted | TurnRefused | TurnPaused> {
    const { future, submit } = this.#options;
    // Given up while it was next in line: nothing was sent, so no sequence id is used.
    if (future.isSettled && !this.#isPartlySent) {
      const error = new Error(`${this.method} was given up`);
      this.#options.laps.end(error);
      return { kind: 'refused', error, takenCount: 0 };
    }
    this.#options.laps.lap('queue_ms');
    const submission = await this.#untilDetached(signal, (own) => submit(place, signal, own));
    this.#options.laps.lap('submit_ms');
    if (submission.kind === 'paused') {
      this.#isPartlySent = submission.isPartlySent;
      return submission;
    }
    if (submission.kind === 'refused') {
      this.fail(submission.error);
      return submission;
    }
    this.#requestIds = submission.requestIds;
    future.noteSubmitted(submission.requestIds[0]);
    return { kind: 'accepted' };
  }

  async retrieve(signal: AbortSignal): Promise<TurnEnd> {
    const { future, retrieve } = this.#options;
    try {
      const value = await this.#untilDetached(signal, (own) => retrieve(this.#requestIds, own));
      this.#options.laps.lap('wait_ms');
      this.#options.laps.end();
      future.resolve(value);
      return { kind: 'completed' };
    } catch (error) {
      this.#options.laps.lap('wait_ms');
      this.fail(error);
      return { kind: 'failed', error: toError(error) };
    }
  }

  /** Ends with the machine's signal or when the caller gives up, and leaves no listener on either. */
  async #untilDetached<Result>(
    signal: AbortSignal,
    work: (own: AbortSignal) => Promise<Result>,
  ): Promise<Result> {
    const { signal: own } = this.#detached;
    const onAbort = (): void => this.#detached.abort(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      return await work(own);
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  fail(error: unknown): void {
    const { future, laps, onFailure } = this.#options;
    laps.end(error);
    if (future.isSettled) return;
    future.reject(error);
    onFailure(error);
  }
}
