import type { Clock } from '../core/clock.ts';
import { OperationError } from './errors.ts';
import { ReorderBuffer } from './reorder-buffer.ts';

/** One operation of a model. `run` settles its own future and never rejects. */
export interface Job {
  run(): Promise<void>;
  fail(error: OperationError): void;
}

export interface ModelQueueOptions {
  modelId: string;
  clock: Clock;
  /** How long held operations wait for a missing `seq_id`. */
  gapTimeoutMs: number;
}

/** Runs the operations of one model one after the other, in the order of their `seq_id`. */
export class ModelQueue {
  readonly #options: ModelQueueOptions;
  readonly #buffer = new ReorderBuffer<Job>();
  readonly #ready: Job[] = [];
  #gap: { missing: number; timer: unknown } | undefined;
  #running: Promise<void> | undefined;
  #closedBy: OperationError | undefined;

  constructor(options: ModelQueueOptions) {
    this.#options = options;
  }

  /** Without a `seqId` the job comes after what is ready now. */
  submit(seqId: number | undefined, job: Job): void {
    if (this.#closedBy !== undefined) return job.fail(this.#closedBy);
    if (seqId === undefined) return this.#enqueue([job]);
    const { late, ready } = this.#buffer.offer(seqId, job);
    if (late) job.fail(this.#error(`seq_id ${seqId} came too late: the server has gone on without it`));
    this.#enqueue(ready);
  }

  /** The number counts as taken, because the request that carried it was refused. */
  refuse(seqId: number): void {
    if (this.#closedBy === undefined) this.#enqueue(this.#buffer.refuse(seqId));
  }

  /** What the job with this number waits for, if it is not its turn. */
  describeWait(seqId: number): string | undefined {
    if (!this.#buffer.isHeld(seqId)) return undefined;
    return `waiting for seq_id ${this.#buffer.missing} of ${this.#options.modelId}`;
  }

  /** Later jobs, held ones and those that have not begun fail with `reason`. */
  stop(reason: OperationError): void {
    this.#closedBy ??= reason;
    this.#stopGapTimer();
    for (const job of [...this.#ready.splice(0), ...this.#buffer.abandon()]) job.fail(reason);
  }

  /** Resolves when nothing runs. */
  async idle(): Promise<void> {
    await this.#running;
  }

  #enqueue(jobs: Job[]): void {
    this.#ready.push(...jobs);
    this.#watchGap();
    if (this.#ready.length > 0) this.#running ??= this.#drain();
  }

  async #drain(): Promise<void> {
    for (let job = this.#ready.shift(); job !== undefined; job = this.#ready.shift()) await job.run();
    this.#running = undefined;
  }

  /** The time-out starts anew whenever another number becomes the missing one. */
  #watchGap(): void {
    const { missing } = this.#buffer;
    if (missing === this.#gap?.missing) return;
    this.#stopGapTimer();
    if (missing === undefined) return;
    const { clock, gapTimeoutMs } = this.#options;
    this.#gap = { missing, timer: clock.setTimeout(() => this.#giveUp(missing), gapTimeoutMs) };
  }

  #giveUp(missing: number): void {
    this.#gap = undefined;
    const seconds = Math.round(this.#options.gapTimeoutMs / 1000);
    const error = this.#error(
      `seq_id ${missing} did not arrive within ${seconds} s, so this later operation was not executed`,
    );
    for (const job of this.#buffer.abandon()) job.fail(error);
  }

  #stopGapTimer(): void {
    if (this.#gap !== undefined) this.#options.clock.clearTimeout(this.#gap.timer);
    this.#gap = undefined;
  }

  #error(message: string): OperationError {
    return new OperationError(`${this.#options.modelId}: ${message}`, 'user');
  }
}
