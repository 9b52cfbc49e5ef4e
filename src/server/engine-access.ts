import type { BaseModel, Engine } from './engine/engine.ts';
import { HttpError, OperationError } from './errors.ts';

/**
 * Calls that the engine has at once. It runs them in order, and takes samples that follow each other together; what is
 * beyond this number waits here, where closing the server can still drop it.
 */
const maxCallsAtOnce = 16;

/** The engine with a queue before it. */
export class EngineAccess {
  readonly #engine: Engine;
  readonly #waiting: PromiseWithResolvers<void>[] = [];
  #models: Promise<BaseModel[]> | undefined;
  #callCount = 0;
  #isStopped = false;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** Calls begin in the order in which they were made; one that waits here leaves the line when the signal aborts. */
  async run<Result>(call: (engine: Engine) => Promise<Result>, signal?: AbortSignal): Promise<Result> {
    if (this.#isStopped) throw closedError();
    signal?.throwIfAborted();
    if (this.#callCount < maxCallsAtOnce) this.#callCount += 1;
    else await this.#waitForTurn(signal);
    try {
      return await call(this.#engine);
    } finally {
      // The next in line takes over the place.
      const next = this.#waiting.shift();
      if (next === undefined) this.#callCount -= 1;
      else next.resolve();
    }
  }

  /** Stops a sample that the engine has, at once; of others there is nothing to stop. */
  cancelSample(taskId: string): Promise<void> {
    return this.#engine.cancelSample(taskId);
  }

  /** Base models on offer; asked once, and again if that failed. */
  models(): Promise<BaseModel[]> {
    this.#models ??= this.#engine.models().catch((error: unknown) => {
      this.#models = undefined;
      throw error;
    });
    return this.#models;
  }

  async baseModel(name: string): Promise<BaseModel> {
    const models = await this.models();
    const model = models.find((candidate) => candidate.name === name);
    if (model !== undefined) return model;
    const known = models.map((candidate) => candidate.name).join(', ');
    throw new HttpError(
      404,
      `Unknown base model ${name}. This server has: ${known}. Its option --alias offers one under another name`,
    );
  }

  /** Whether two names are those of one model. */
  async isSameModel(first: string, second: string): Promise<boolean> {
    if (first === second) return true;
    const [one, other] = [await this.baseModel(first), await this.baseModel(second)];
    return (one.aliasOf ?? one.name) === (other.aliasOf ?? other.name);
  }

  /** Calls that wait here, and later ones, fail. */
  stop(): void {
    this.#isStopped = true;
    for (const { reject } of this.#waiting.splice(0)) reject(closedError());
  }

  /** Ends the engine; whatever it still has fails. */
  async close(): Promise<void> {
    this.stop();
    await this.#engine.close();
  }

  async #waitForTurn(signal: AbortSignal | undefined): Promise<void> {
    const turn = Promise.withResolvers<void>();
    this.#waiting.push(turn);
    const leave = (): void => {
      const place = this.#waiting.indexOf(turn);
      if (place < 0) return;
      this.#waiting.splice(place, 1);
      turn.reject(signal?.reason);
    };
    signal?.addEventListener('abort', leave, { once: true });
    try {
      await turn.promise;
    } finally {
      signal?.removeEventListener('abort', leave);
    }
  }
}

function closedError(): OperationError {
  return new OperationError('the server was closed before this operation ran', 'server');
}
