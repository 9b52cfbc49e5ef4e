import { availableParallelism } from 'node:os';
import { extname } from 'node:path';
import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads';
import type { Piscina } from 'piscina';
import type { Clock } from '../core/clock.ts';
import { ClientClosedError, DownloadError, InternalError } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import { toTooManyFiles } from './file-errors.ts';
import type { WorkerNetwork } from './signed-url.ts';
import type { TaskCancelled, TaskMessage, TaskName, Tasks } from './protocol.ts';

/** Requests mostly wait, so a thread takes several; a task is spread to an idle thread first. */
const tasksPerThread = 16;
/** An idle pool holds no thread, so a program that forgets to close it still ends. */
const idleTimeoutMs = 1000;
const memoryLimitMegabytes = 512;
/** Small: hardly anything of a transfer lives long, and each thread would keep room for what it does not need. */
const youngMegabytes = 2;

/** Does nothing: a thread that has answered has read its code. */
const readyTask = 'ready';

/** The thread that ran the task is gone: killed, or crashed. What it wrote so far is on disk. */
export interface TaskLost {
  kind: 'lost';
  error: Error;
}

export interface WorkerPoolOptions {
  clock: Clock;
  logger: Logger;
  /** Two to four by default, one less than the machine's cores in between. */
  threadCount?: number | undefined;
  /** How long a cancelled task may take to answer before its thread is killed; 2 s by default. */
  graceMs?: number | undefined;
  /** How the threads reach other machines. */
  network?: WorkerNetwork | undefined;
  /** URL of the module whose exports are the tasks. */
  entry?: string | undefined;
}

export interface RunTaskOptions {
  signal: AbortSignal;
  onMessage: (message: Exclude<TaskMessage, { type: 'started' }>) => void;
}

/** The threads that downloads run in; the one place that knows the pool's library. */
export class WorkerPool {
  readonly #options: Required<{ [Key in keyof WorkerPoolOptions]: NonNullable<WorkerPoolOptions[Key]> }>;
  readonly #retired = new Set<Promise<void>>();
  /** What ended the threads of one that was replaced. */
  readonly #failures = new WeakMap<Piscina, Error>();
  #piscina: Piscina | undefined;
  #preparing: Promise<void> | undefined;
  #closed = false;

  constructor({ clock, logger, threadCount, graceMs, network, entry }: WorkerPoolOptions) {
    this.#options = {
      clock,
      logger,
      threadCount: threadCount ?? Math.min(Math.max(availableParallelism() - 1, 2), 4),
      graceMs: graceMs ?? 2000,
      network: network ?? {},
      entry: entry ?? builtEntry(),
    };
  }

  /**
   * Starts a thread while its first task is still being found out; others start when there is something for them. What fails
   * here fails there.
   */
  prepare(): void {
    const start = async (): Promise<void> => {
      const { Piscina } = await import('piscina');
      if (this.#closed || this.#piscina !== undefined) return;
      await this.#threads(Piscina).run({}, { name: readyTask });
    };
    this.#preparing ??= start().catch(() => undefined);
  }

  /**
   * Runs a task to its end and gives its outcome; settles only when nothing of it runs any more. An abort asks the task to
   * stop, and kills the thread when it does not: what else ran there is then `lost` and can be continued. Rejects when no thread
   * can ever start.
   */
  async run<Name extends TaskName>(
    name: Name,
    input: Tasks[Name]['input'],
    { signal, onMessage }: RunTaskOptions,
  ): Promise<Tasks[Name]['outcome'] | TaskCancelled | TaskLost> {
    if (this.#closed) throw new ClientClosedError('The worker pool is closed');
    if (signal.aborted) return { kind: 'cancelled' };
    const { clock, graceMs } = this.#options;
    const { port1: port, port2: taskPort } = new MessageChannel();
    let started = false;
    let killTimer: unknown;
    const armKill = (): void => {
      // A task that still waits for its thread answers as soon as it starts.
      if (!started || !signal.aborted || killTimer !== undefined) return;
      killTimer = clock.setTimeout(() => this.#replace(`a cancelled ${name} task did not stop`), graceMs);
    };
    const onAbort = (): void => {
      port.postMessage({ type: 'cancel' });
      armKill();
    };
    const handle = (message: TaskMessage): void => {
      if (message.type !== 'started') {
        onMessage(message);
        return;
      }
      started = true;
      armKill();
    };
    let threads: Piscina | undefined;
    port.on('message', handle);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      // Loaded with the first task, because every client has a pool and most never use it.
      const library = await import('piscina');
      // Beside a thread that starts another one would, for a task that came meanwhile.
      await this.#preparing;
      if (this.#closed) throw new ClientClosedError('The worker pool is closed');
      threads = this.#threads(library.Piscina);
      const outcome: unknown = await threads.run(
        library.move({
          [library.transferableSymbol]: taskPort,
          [library.valueSymbol]: { input, port: taskPort },
        }),
        { name },
      );
      for (let left = receiveMessageOnPort(port); left !== undefined; left = receiveMessageOnPort(port))
        handle(left.message);
      return outcome as Tasks[Name]['outcome'];
    } catch (error) {
      if (signal.aborted) return { kind: 'cancelled' };
      const cause = (threads && this.#failures.get(threads)) ?? error;
      checkModules(cause);
      return { kind: 'lost', error: toLostError(name, cause) };
    } finally {
      clock.clearTimeout(killTimer);
      signal.removeEventListener('abort', onAbort);
      port.close();
    }
  }

  /** Ends all threads, whatever they do; idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#retire();
    await Promise.all(this.#retired);
  }

  #threads(Threads: typeof Piscina): Piscina {
    if (this.#piscina !== undefined) return this.#piscina;
    const { entry, threadCount, network } = this.#options;
    const piscina: Piscina = new Threads({
      filename: entry,
      // Looked for as a thread starts; of what is not there a second search is made, which takes as long as the start.
      name: readyTask,
      workerData: network,
      minThreads: 0,
      maxThreads: threadCount,
      concurrentTasksPerWorker: tasksPerThread,
      idleTimeout: idleTimeoutMs,
      // Otherwise a thread blocks in Atomics.wait between tasks, and its sockets with it.
      atomics: 'disabled',
      recordTiming: false,
      resourceLimits: {
        maxOldGenerationSizeMb: memoryLimitMegabytes,
        maxYoungGenerationSizeMb: youngMegabytes,
      },
      loadBalancer: (_task, workers) => {
        const [leastBusy] = workers.toSorted((a, b) => a.currentUsage - b.currentUsage);
        if (leastBusy === undefined || leastBusy.currentUsage === 0) return leastBusy ?? null;
        if (workers.length < threadCount || leastBusy.currentUsage >= tasksPerThread) return null;
        return leastBusy;
      },
    });
    piscina.on('error', (error) => {
      this.#failures.set(piscina, error);
      if (this.#piscina === piscina) this.#replace(`a worker thread failed: ${String(error)}`);
    });
    this.#piscina = piscina;
    return piscina;
  }

  #replace(reason: string): void {
    this.#options.logger.warn(`the download threads are started anew: ${reason}`);
    this.#retire();
  }

  #retire(): void {
    const retired = this.#piscina?.destroy();
    this.#piscina = undefined;
    if (retired === undefined) return;
    this.#retired.add(retired);
    void retired.finally(() => this.#retired.delete(retired));
  }
}

/** Sources run as they are in development; the build makes one file, which a thread loads in a quarter of the time. */
function builtEntry(): string {
  const isSource = extname(import.meta.url) === '.ts';
  return new URL(`../workers/entry.${isSource ? 'ts' : 'cjs'}`, import.meta.url).href;
}

/** No other thread would find it either. */
function checkModules(cause: unknown): void {
  if (!(cause instanceof Error) || !('code' in cause)) return;
  if (cause.code !== 'ERR_MODULE_NOT_FOUND' && cause.code !== 'MODULE_NOT_FOUND') return;
  throw new DownloadError(
    'file_access',
    `Cannot start a download thread: ${cause.message}. A program that is bundled must leave tinker-ts out of the bundle (external)`,
    { cause },
  );
}

function toLostError(name: TaskName, cause: unknown): Error {
  return (
    toTooManyFiles(cause, 'start a download thread') ??
    new InternalError(`The thread of a ${name} task ended`, { cause })
  );
}
