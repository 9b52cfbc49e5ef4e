import type { Clock } from '../../core/clock.ts';
import type { Logger } from '../../core/logger.ts';
import type { GetInfoResponse, LoraConfig, OptimizerConfig } from '../../types/training.ts';
import type { BaseModel } from '../engine/engine.ts';
import type { EngineAccess } from '../engine-access.ts';
import { HttpError, OperationError, toOperationError, unsupported } from '../errors.ts';
import type { FutureTable } from '../future-table.ts';
import { ModelQueue } from '../model-queue.ts';
import { toJob } from '../operations.ts';
import type { Store } from '../store/store.ts';
import type { TrainingRunRow } from '../store/training-run-store.ts';
import type { OperationResult } from '../wire/results.ts';
import type { CheckpointService } from './checkpoint-service.ts';
import type { SessionService } from './session-service.ts';

/** A model that the engine has, or soon has. */
export interface LiveModel {
  run: TrainingRunRow;
  base: BaseModel;
  queue: ModelQueue;
}

/** The immediate answer to a submission. */
export interface Submission {
  request_id: string;
  model_id: string;
}

export interface ModelServiceOptions {
  store: Store;
  clock: Clock;
  engine: EngineAccess;
  futures: FutureTable;
  sessions: SessionService;
  checkpoints: CheckpointService;
  logger: Logger;
  gapTimeoutMs: number;
  /** How many may be in memory at once. */
  maxModels: number;
}

export interface NewModel {
  session_id: string;
  model_seq_id: number;
  base_model: string;
  lora_config: LoraConfig;
  optimizer_config: OptimizerConfig;
  user_metadata: Record<string, unknown>;
}

/** The models here are small: a larger adapter would only cost memory. */
const maxRank = 256;

/** How often, at most, the time of a run's last request is written down. */
const touchIntervalMs = 1000;

/** The models in memory: their creation, their queues, their end. */
export class ModelService {
  readonly #options: ModelServiceOptions;
  readonly #live = new Map<string, LiveModel>();
  readonly #unloaded = new Set<string>();
  readonly #lastTouch = new Map<string, number>();

  constructor(options: ModelServiceOptions) {
    this.#options = options;
  }

  /**
   * Makes the model `<session>:train:<n>`. `load`, the rest of a creation from a checkpoint, runs after the engine has
   * made the adapter and before anything with a `seq_id`.
   */
  async create(
    request: NewModel,
    load: (modelId: string) => Promise<OperationResult> = (modelId) =>
      Promise.resolve({ kind: 'json', body: { type: 'create_model', model_id: modelId } }),
  ): Promise<Submission> {
    const { session_id, lora_config: lora, optimizer_config: optimizer } = request;
    this.#options.sessions.requireActive(session_id);
    if (!lora.train_attn && !lora.train_mlp && !lora.train_unembed) {
      throw new HttpError(
        422,
        'lora_config: at least one of train_attn, train_mlp and train_unembed must be true',
      );
    }
    if (lora.rank > maxRank) throw new HttpError(422, `lora_config.rank must be at most ${maxRank}`);
    checkOptimizer(optimizer);
    const base = await this.#options.engine.baseModel(request.base_model);
    const modelId = `${session_id}:train:${request.model_seq_id}`;
    const key = `model:${modelId}`;
    const repeated = this.#options.futures.findByKey(key);
    if (repeated !== undefined) return { request_id: repeated.requestId, model_id: modelId };
    this.#refuseReuse(modelId);
    this.#requireRoom();
    const now = this.#options.clock.now();
    const { model_seq_id: _counter, ...facts } = request;
    const model: LiveModel = {
      run: { id: modelId, created_at: now, last_request_at: now, ...facts },
      base,
      queue: new ModelQueue({
        modelId,
        clock: this.#options.clock,
        gapTimeoutMs: this.#options.gapTimeoutMs,
      }),
    };
    this.#live.set(modelId, model);
    return this.#submit(model, key, undefined, () => this.#build(model, load));
  }

  /** The model as the engine has it, or a refusal that says what became of it. */
  require(modelId: string): LiveModel {
    const model = this.#live.get(modelId);
    if (model === undefined) throw this.#describeAbsent(modelId);
    this.#options.sessions.requireActive(model.run.session_id);
    return model;
  }

  has(modelId: string): boolean {
    return this.#live.has(modelId);
  }

  /** Queues an operation. The same `seq_id` again is the same operation, whatever else the request says. */
  submit(model: LiveModel, seqId: number | undefined, operation: () => Promise<OperationResult>): Submission {
    const key = seqId === undefined ? undefined : toKey(model.run.id, seqId);
    return this.#submit(model, key, seqId, operation);
  }

  /** The answer that an earlier request with this `seq_id` got. */
  findRepeated(modelId: string, seqId: number | undefined): Submission | undefined {
    const future = seqId === undefined ? undefined : this.#options.futures.findByKey(toKey(modelId, seqId));
    return future === undefined ? undefined : { request_id: future.requestId, model_id: modelId };
  }

  /** A request that carried this number was refused: it counts as taken (wire-protocol 6.3). */
  refuse(modelId: string, seqId: number): void {
    if (this.findRepeated(modelId, seqId) === undefined) this.#live.get(modelId)?.queue.refuse(seqId);
  }

  info(modelId: string): GetInfoResponse & { type: 'get_info' } {
    const { run, base } = this.require(modelId);
    return {
      type: 'get_info',
      model_id: modelId,
      model_data: { arch: 'llama', model_name: run.base_model, tokenizer_id: base.aliasOf ?? base.name },
      optimizer_config: run.optimizer_config,
      is_lora: true,
      lora_rank: run.lora_config.rank,
      model_name: run.base_model,
    };
  }

  unload(modelId: string): Submission {
    const model = this.require(modelId);
    return this.submit(model, undefined, async () => {
      this.#forget(model, new OperationError(`${modelId} was unloaded`, 'user'));
      await this.#options.engine.run((engine) => engine.unloadModel(modelId));
      return { kind: 'json', body: { type: 'unload_model', model_id: modelId } };
    });
  }

  /** Frees the models of a session that has ended. What runs is finished first. */
  async endSession(sessionId: string): Promise<void> {
    const models = [...this.#live.values()].filter(({ run }) => run.session_id === sessionId);
    await Promise.all(
      models.map(async (model) => {
        this.#forget(model, new OperationError(`session ${sessionId} has ended`, 'user'));
        await model.queue.idle();
        await this.#free(model.run.id);
      }),
    );
  }

  /** Fails what has not begun and waits for what runs. */
  async close(): Promise<void> {
    const reason = new OperationError('the server was closed before this operation ran', 'server');
    for (const { queue } of this.#live.values()) queue.stop(reason);
    await Promise.all([...this.#live.values()].map(({ queue }) => queue.idle()));
  }

  async #build(
    model: LiveModel,
    load: (modelId: string) => Promise<OperationResult>,
  ): Promise<OperationResult> {
    const { id: modelId, base_model: baseModel, lora_config: lora } = model.run;
    let isMade = false;
    try {
      await this.#options.engine.run((engine) => engine.createModel({ modelId, baseModel, lora }));
      isMade = true;
      const result = await load(modelId);
      this.#options.store.trainingRuns.insertOrReplace(model.run);
      return result;
    } catch (error) {
      const failure = toOperationError(error);
      this.#forget(
        model,
        new OperationError(`${modelId} was not created: ${failure.message}`, failure.category),
      );
      if (isMade) await this.#free(modelId);
      throw failure;
    }
  }

  #submit(
    model: LiveModel,
    key: string | undefined,
    seqId: number | undefined,
    operation: () => Promise<OperationResult>,
  ): Submission {
    const { futures } = this.#options;
    const repeated = key === undefined ? undefined : futures.findByKey(key);
    const future =
      repeated ??
      futures.create(key, () => (seqId === undefined ? undefined : model.queue.describeWait(seqId)));
    if (repeated === undefined) {
      this.#touch(model);
      model.queue.submit(seqId, toJob(futures, future, operation));
    }
    return { request_id: future.requestId, model_id: model.run.id };
  }

  /** Frees the engine's memory of a model; that this fails concerns no client. */
  async #free(modelId: string): Promise<void> {
    try {
      await this.#options.engine.run((engine) => engine.unloadModel(modelId));
    } catch (error) {
      this.#options.logger.debug('a model was not unloaded', { modelId, error: String(error) });
    }
  }

  #touch({ run }: LiveModel): void {
    const now = this.#options.clock.now();
    if (now - (this.#lastTouch.get(run.id) ?? -Infinity) < touchIntervalMs) return;
    this.#lastTouch.set(run.id, now);
    this.#options.store.trainingRuns.touch(run.id, now);
  }

  #forget(model: LiveModel, reason: OperationError): void {
    model.queue.stop(reason);
    this.#live.delete(model.run.id);
    this.#lastTouch.delete(model.run.id);
    this.#unloaded.add(model.run.id);
  }

  /** Refused for good rather than for a while, since no client frees a model while it waits to make one. */
  #requireRoom(): void {
    const { futures, maxModels } = this.#options;
    futures.requireRoom();
    if (this.#live.size < maxModels) return;
    throw new HttpError(
      422,
      `${this.#live.size} models are in memory, which is all that this server holds at once: unload one, or finish the session of one`,
    );
  }

  /** A model that was lost before it saved anything may be made again; one that has checkpoints keeps its id. */
  #refuseReuse(modelId: string): void {
    if (this.#live.has(modelId))
      throw new HttpError(422, `${modelId} exists already: use another model_seq_id`);
    const hasRun = this.#options.store.trainingRuns.find(modelId) !== undefined;
    if (hasRun && this.#options.checkpoints.listOfRun(modelId).length > 0)
      throw this.#describeAbsent(modelId);
  }

  #describeAbsent(modelId: string): HttpError {
    const { store, sessions, checkpoints } = this.#options;
    const run = store.trainingRuns.find(modelId);
    if (run === undefined) return new HttpError(404, `Unknown model ${modelId}`);
    if (run.copied_from !== undefined) {
      const state = checkpoints.findLatestPath(modelId);
      const advice = state === undefined ? '' : `: create a training client from ${state}`;
      return new HttpError(404, `${modelId} is a copy of ${run.copied_from} and cannot be trained${advice}`);
    }
    sessions.requireActive(run.session_id);
    const cause = this.#unloaded.has(modelId) ? 'it was unloaded' : 'the server was restarted';
    const last = checkpoints.findLatestPath(modelId);
    const advice =
      last === undefined
        ? 'Nothing of it was saved'
        : `Its last checkpoint is ${last}: create a training client from it`;
    return new HttpError(404, `Model ${modelId} is no longer in memory, since ${cause}. ${advice}`);
  }
}

function checkOptimizer({ type }: OptimizerConfig): void {
  if (type === 'adamw') return;
  throw unsupported(
    `The optimizer ${type}`,
    type === 'dimuon' ? 'its update rule is not published' : undefined,
  );
}

function toKey(modelId: string, seqId: number): string {
  return `train:${modelId}:${seqId}`;
}
