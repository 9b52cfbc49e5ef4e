import type { CallQueue, QueuedCall } from '../call-queue.ts';
import { EngineError } from '../engine-error.ts';
import type { SampleResult, SampleTask } from '../engine.ts';
import { RunningTask } from './sample-task.ts';
import { SamplingRun } from './sampler.ts';
import type { SamplerWeights } from './sampler.ts';

/** A call in the engine's queue; one that asks for samples says so, and may be taken along by another. */
export interface EngineCall extends QueuedCall {
  sampling?: SamplingCall | undefined;
}

interface SamplingCall {
  request: SampleTask;
  answer: PromiseWithResolvers<SampleResult>;
  /** Once its turn has come. */
  task?: RunningTask | undefined;
  isCancelled?: boolean | undefined;
}

/** Sampling requests on their way through the engine's queue. */
export class SamplingCalls {
  readonly #queue: CallQueue<EngineCall>;
  /** Looks a sampler up; throws for one that does not exist. */
  readonly #weightsOf: (samplerId: string) => SamplerWeights;
  readonly #drawSeed: () => bigint;
  /** Calls that have not been answered, by their task's id. */
  readonly #open = new Map<string, SamplingCall>();

  constructor(
    queue: CallQueue<EngineCall>,
    weightsOf: (samplerId: string) => SamplerWeights,
    drawSeed: () => bigint,
  ) {
    this.#queue = queue;
    this.#weightsOf = weightsOf;
    this.#drawSeed = drawSeed;
  }

  sample(request: SampleTask): Promise<SampleResult> {
    const call: SamplingCall = { request, answer: Promise.withResolvers<SampleResult>() };
    this.#queue.add({ sampling: call, run: () => this.#begin(call) });
    const { taskId } = request;
    if (taskId === undefined) return call.answer.promise;
    this.#open.set(taskId, call);
    return call.answer.promise.finally(() => this.#open.delete(taskId));
  }

  /** A call that waits is never begun; one that runs gives its places in the batch free at the next step. */
  cancel(taskId: string): void {
    const call = this.#open.get(taskId);
    if (call === undefined) return;
    call.isCancelled = true;
    call.task?.stop();
    call.answer.reject(new EngineError('user', 'the sample was cancelled'));
  }

  /** Runs a call, and with it the calls of the same sampler that follow it in the queue. */
  async #begin(first: SamplingCall): Promise<void> {
    const { samplerId } = first.request;
    const running = new Map<RunningTask, SamplingCall>();
    const joins = ({ sampling }: EngineCall) => sampling?.request.samplerId === samplerId;
    const nextTask = (): RunningTask | undefined => {
      for (;;) {
        const call = this.#queue.takeNext(joins)?.sampling;
        if (call === undefined) return undefined;
        const task = this.#start(call, running);
        if (task !== undefined) return task;
      }
    };
    const finish = (task: RunningTask) => {
      running.get(task)?.answer.resolve(task.result());
      running.delete(task);
    };
    const task = this.#start(first, running);
    if (task === undefined) return;
    const host = { nextTask, finish, othersWait: () => this.#queue.hasNextExcept(joins) };
    await this.#takeTurn(new SamplingRun(this.#weightsOf(samplerId), task, host), running);
  }

  /** The task of a call; one that is refused is answered so. */
  #start(call: SamplingCall, running: Map<RunningTask, SamplingCall>): RunningTask | undefined {
    if (call.isCancelled === true) return undefined;
    try {
      const { base } = this.#weightsOf(call.request.samplerId);
      const task = new RunningTask(call.request, base, this.#drawSeed);
      call.task = task;
      running.set(task, call);
      return task;
    } catch (error) {
      call.answer.reject(error);
      return undefined;
    }
  }

  /** One turn of a run; what it leaves goes on after the calls that wait. */
  async #takeTurn(run: SamplingRun, running: Map<RunningTask, SamplingCall>): Promise<void> {
    try {
      if (!(await run.turn())) this.#queue.add({ run: () => this.#takeTurn(run, running) });
    } catch (error) {
      for (const { answer } of running.values()) answer.reject(error);
    }
  }
}
