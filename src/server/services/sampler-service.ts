import type { z } from 'zod';
import type { Clock } from '../../core/clock.ts';
import type { Logger } from '../../core/logger.ts';
import type {
  createSamplingSessionRequestSchema,
  GetSamplerResponse,
  sampleRequestSchema,
} from '../../types/sampling.ts';
import { seqIdBlock } from '../../types/futures.ts';
import { toCheckpointKey } from '../checkpoint-path.ts';
import type { BackgroundWork } from '../background-work.ts';
import type { BaseModel, Engine, SampleTask } from '../engine/engine.ts';
import type { EngineAccess } from '../engine-access.ts';
import { HttpError, OperationError } from '../errors.ts';
import type { Future, FutureTable } from '../future-table.ts';
import { toJob } from '../operations.ts';
import type { SamplerRow } from '../store/sampler-store.ts';
import type { Store } from '../store/store.ts';
import type { TargetLayout } from '../wire/prompt-targets.ts';
import { toSampleTask } from '../wire/sample-request.ts';
import type { CheckpointService } from './checkpoint-service.ts';
import type { LiveModel } from './model-service.ts';
import type { SessionService } from './session-service.ts';

interface LiveSampler {
  sessionId: string;
  base: BaseModel;
  /** Resolves when the engine has the weights. */
  ready: Promise<void>;
  /** Samples that are not finished. */
  running: Set<Future>;
  /** The newest number that a copy of its client was given. */
  copyCount: number;
  /** Of a sampler of an earlier boot: copies of its client that know that what they asked that boot is lost. */
  told: Set<number> | undefined;
}

export interface SamplerServiceOptions {
  store: Store;
  clock: Clock;
  engine: EngineAccess;
  futures: FutureTable;
  sessions: SessionService;
  checkpoints: CheckpointService;
  background: BackgroundWork;
  logger: Logger;
}

type EngineSource = Parameters<Engine['createSampler']>[0]['from'];

/** Samplers (sampling sessions) and what is asked of them. */
export class SamplerService {
  readonly #options: SamplerServiceOptions;
  readonly #live = new Map<string, LiveSampler>();

  constructor(options: SamplerServiceOptions) {
    this.#options = options;
  }

  /** Opens a sampler on a base model or a checkpoint. The weights are loaded while the client already has its id. */
  async create(
    request: z.output<typeof createSamplingSessionRequestSchema>,
  ): Promise<{ sampling_session_id: string }> {
    const { session_id, sampling_session_seq_id, base_model, model_path } = request;
    this.#options.sessions.requireActive(session_id);
    const checkpoint =
      model_path == null ? undefined : this.#options.checkpoints.require(toCheckpointKey(model_path));
    const baseName = checkpoint?.base_model ?? base_model;
    if (baseName == null) throw new HttpError(422, 'create_sampling_session needs base_model or model_path');
    if (base_model != null && !(await this.#options.engine.isSameModel(base_model, baseName))) {
      throw new HttpError(422, `${model_path} is of ${baseName}, not of ${base_model}`);
    }
    const base = await this.#options.engine.baseModel(baseName);
    const id = toSamplerId(session_id, sampling_session_seq_id);
    const row = { id, session_id, base_model: baseName, model_path: model_path ?? null, model_id: null };
    const existing = this.#options.store.samplers.find(id);
    if (existing === undefined) {
      this.#insert({ ...row, created_at: this.#options.clock.now() });
      this.#open(row, base);
    } else if (existing.model_id !== null || existing.model_path !== row.model_path) {
      throw new HttpError(422, `sampling_session_seq_id ${sampling_session_seq_id} is taken`);
    }
    return { sampling_session_id: id };
  }

  /** Opens a sampler on a copy of a model's weights; runs at the save's turn in the model's queue. */
  async createFromModel({ run, base }: LiveModel, counter: number): Promise<string> {
    const id = toSamplerId(run.session_id, counter);
    if (this.#options.store.samplers.find(id) !== undefined) {
      throw new HttpError(422, `sampling_session_seq_id ${counter} is taken`);
    }
    const row = {
      id,
      session_id: run.session_id,
      base_model: run.base_model,
      model_path: null,
      model_id: run.id,
    };
    await this.#createInEngine(id, base, { kind: 'model', modelId: run.id });
    this.#insert({ ...row, created_at: this.#options.clock.now() });
    this.#live.set(id, toLive(run.session_id, base, Promise.resolve()));
    return id;
  }

  get(id: string): GetSamplerResponse {
    const row = this.#options.store.samplers.find(id);
    if (row === undefined) throw new HttpError(404, `Unknown sampler ${id}`);
    return {
      sampler_id: id,
      base_model: row.base_model,
      ...(row.model_path === null ? {} : { model_path: row.model_path }),
    };
  }

  /** Queues a sample. The same `seq_id` of a sampler again is the same sample. */
  async sample(
    request: z.output<typeof sampleRequestSchema>,
  ): Promise<{ request_id: string; sample_sequence_ids: string[] }> {
    const id = request.sampling_session_id;
    if (id == null)
      throw new HttpError(422, 'asample needs sampling_session_id: this server samples only through one');
    const key = request.seq_id == null ? undefined : `sample:${id}:${request.seq_id}`;
    const sampler = await this.#require(id);
    const { task, targetLayout } = toSampleTask(request, id, sampler.base);
    const { futures } = this.#options;
    const repeated = key === undefined ? undefined : futures.findByKey(key);
    const future = repeated ?? futures.create(key, undefined, toQueueName(id, copyOf(request.seq_id)));
    if (repeated === undefined) this.#start(sampler, task, targetLayout, future);
    return { request_id: future.requestId, sample_sequence_ids: toSequenceIds(future, request.num_samples) };
  }

  async endSession(sessionId: string): Promise<void> {
    const ended = [...this.#live].filter(([, sampler]) => sampler.sessionId === sessionId);
    for (const [id] of ended) this.#live.delete(id);
    for (const [, { running }] of ended) for (const future of running) future.cancel?.();
    await Promise.all(ended.map(([id, { ready }]) => this.#release(id, ready)));
  }

  /** A number for a copy of a sampler's client, which numbers its samples in a block of its own (wire-protocol 2.40). */
  async join(id: string): Promise<number> {
    const sampler = await this.#require(id);
    sampler.copyCount += 1;
    return sampler.copyCount;
  }

  /**
   * The completion queue of a copy of a sampler's client. Results that it waits for since an earlier boot are lost; which
   * these are is not known here, so it is told once, before it would wait for ever.
   */
  async requireQueue(id: string, copy: number): Promise<string> {
    const { told } = await this.#require(id);
    if (told?.has(copy) === false) {
      told.add(copy);
      throw new HttpError(410, `What was asked of ${id} before the server was restarted is lost`);
    }
    return toQueueName(id, copy);
  }

  #start(
    sampler: LiveSampler,
    task: SampleTask,
    targetLayout: TargetLayout | undefined,
    future: Future,
  ): void {
    const { engine, futures } = this.#options;
    const stopping = new AbortController();
    const { signal } = stopping;
    const taskId = future.requestId;
    sampler.running.add(future);
    future.cancel = () => {
      sampler.running.delete(future);
      futures.settle(future, { error: new OperationError('the sample was cancelled', 'user') });
      stopping.abort();
      engine.cancelSample(taskId).catch(() => undefined);
    };
    const job = toJob(futures, future, async () => {
      await sampler.ready;
      const result = await engine.run((calls) => calls.sample({ ...task, taskId }), signal);
      sampler.running.delete(future);
      return { kind: 'sample', output: { ...result, targetLayout } };
    });
    this.#options.background.start('a sample', () => job.run());
  }

  /** A sampler of an earlier boot is opened again, unless its weights lived in memory only. */
  async #require(id: string): Promise<LiveSampler> {
    const { store, sessions, engine } = this.#options;
    const row = store.samplers.find(id);
    if (row === undefined) throw new HttpError(404, `Unknown sampler ${id}`);
    sessions.requireActive(row.session_id);
    const base = await engine.baseModel(row.base_model);
    const live = this.#live.get(id);
    if (live !== undefined) return live;
    if (row.model_id !== null) {
      throw new HttpError(
        404,
        `Sampler ${id} held unsaved weights of ${row.model_id} in memory and was lost when the server restarted`,
      );
    }
    const reopened = this.#open(row, base);
    reopened.told = new Set();
    // Higher than any number that the earlier boot has given.
    reopened.copyCount = Math.floor(this.#options.clock.now() / 1000);
    return reopened;
  }

  #open(row: Omit<SamplerRow, 'created_at'>, base: BaseModel): LiveSampler {
    const ready = this.#load(row, base);
    // Whoever samples gets the failure; without a sample it concerns nobody.
    ready.catch(() => undefined);
    const sampler = toLive(row.session_id, base, ready);
    this.#live.set(row.id, sampler);
    return sampler;
  }

  #load({ id, model_path }: Omit<SamplerRow, 'created_at'>, base: BaseModel): Promise<void> {
    if (model_path === null) return this.#createInEngine(id, base, { kind: 'base' });
    return this.#options.checkpoints.read(toCheckpointKey(model_path), 'sample', ({ directory }) =>
      this.#createInEngine(id, base, { kind: 'directory', directory }),
    );
  }

  #createInEngine(samplerId: string, base: BaseModel, from: EngineSource): Promise<void> {
    return this.#options.engine.run((engine) =>
      engine.createSampler({ samplerId, baseModel: base.name, from }),
    );
  }

  async #release(id: string, ready: Promise<void>): Promise<void> {
    try {
      await ready;
      await this.#options.engine.run((engine) => engine.releaseSampler(id));
    } catch (error) {
      this.#options.logger.debug('a sampler was not released', { id, error: String(error) });
    }
  }

  #insert(row: SamplerRow): void {
    this.#options.store.samplers.insert(row);
  }
}

function toLive(sessionId: string, base: BaseModel, ready: Promise<void>): LiveSampler {
  return { sessionId, base, ready, running: new Set(), copyCount: 0, told: undefined };
}

function toQueueName(samplerId: string, copy: number): string {
  return `${samplerId}#${copy}`;
}

/** Which copy of a sampler's client numbers its samples so; 0 is the first. */
function copyOf(seqId: number | bigint | null | undefined): number {
  return seqId == null ? 0 : Number(BigInt(seqId) / BigInt(seqIdBlock));
}

function toSamplerId(sessionId: string, counter: number): string {
  return `${sessionId}:sample:${counter}`;
}

function toSequenceIds({ requestId }: Future, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${requestId}:${index}`);
}
