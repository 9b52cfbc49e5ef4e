import type { BaseModel, Engine } from './engine/engine.ts';
import { HttpError, OperationError } from './errors.ts';
import { SerialQueue } from './serial-queue.ts';

/** The engine with a queue before it: calls run one at a time, and those not begun are dropped when the server closes. */
export class EngineAccess {
  readonly #engine: Engine;
  #models: Promise<BaseModel[]> | undefined;
  readonly #queue = new SerialQueue();
  #closed = false;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  run<Result>(task: (engine: Engine) => Promise<Result>): Promise<Result> {
    return this.#queue.run(() => {
      if (this.#closed) throw new OperationError('the server was closed before this operation ran', 'server');
      return task(this.#engine);
    });
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
    throw new HttpError(404, `Unknown base model ${name}. This server has: ${known}`);
  }

  /** Calls that have not begun fail from now on. */
  stop(): void {
    this.#closed = true;
  }

  /** Waits for the running call, then closes the engine. */
  async close(): Promise<void> {
    this.stop();
    await this.#queue.idle();
    await this.#engine.close();
  }
}
