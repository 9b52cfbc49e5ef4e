import { init } from '@jax-js/jax';
import type { AdamParams } from '../../types/training.ts';
import { CallQueue } from './call-queue.ts';
import { EngineError } from './engine-error.ts';
import type {
  BaseModel,
  Engine,
  EngineStats,
  ForwardBackwardResult,
  ForwardBackwardTask,
  SampleResult,
  SampleTask,
} from './engine.ts';
import { ModelCatalogue } from './model-catalogue.ts';
import { copyMatrices } from './model-weights.ts';
import type { TrainableMatrices } from './model-weights.ts';
import { readOptimizer, readPeftFolder, writePeftFolder } from './peft-folder.ts';
import { RandomStream } from './random-stream.ts';
import type { SamplerWeights } from './sampling/sampler.ts';
import { SamplingCalls } from './sampling/sampling-calls.ts';
import type { EngineCall } from './sampling/sampling-calls.ts';
import { createAdapter, mergeAdapter } from './training/lora-adapter.ts';
import { createLoss } from './training/losses.ts';
import { TrainedModel } from './training/trained-model.ts';

/** The engine itself, on the thread that calls it. Calls queue up and run in order. */
export class EngineCore implements Engine {
  readonly #catalogue: ModelCatalogue;
  readonly #random: RandomStream;
  readonly #queue = new CallQueue<EngineCall>();
  readonly #models = new Map<string, TrainedModel>();
  readonly #samplers = new Map<string, SamplerWeights>();
  readonly #sampling = new SamplingCalls(
    this.#queue,
    (samplerId) => this.#sampler(samplerId),
    () => this.#drawSeed(),
  );
  readonly #ready: Promise<unknown>;

  /** `randomSeed` is where seeds come from that a request does not give; `now` counts milliseconds. */
  constructor(options: { modelsDirectory: string; randomSeed: bigint; now: () => number }) {
    this.#catalogue = new ModelCatalogue(options.modelsDirectory, options.now);
    this.#random = new RandomStream(options.randomSeed);
    this.#ready = init('wasm');
  }

  models(): Promise<BaseModel[]> {
    return this.#catalogue.list();
  }

  createModel({ modelId, baseModel, lora }: Parameters<Engine['createModel']>[0]): Promise<void> {
    return this.#enqueue(async () => {
      if (this.#models.has(modelId)) throw new EngineError('user', `There is a model ${modelId} already`);
      const base = await this.#catalogue.base(baseModel);
      const seed = typeof lora.seed === 'number' ? BigInt(lora.seed) : this.#drawSeed();
      const adapter = createAdapter(base.matrices.matrices, lora, new RandomStream(seed));
      this.#models.set(modelId, new TrainedModel(base, adapter));
    });
  }

  unloadModel(modelId: string): Promise<void> {
    return this.#enqueue(() => {
      this.#model(modelId);
      this.#models.delete(modelId);
    });
  }

  forwardBackward(task: ForwardBackwardTask): Promise<ForwardBackwardResult> {
    return this.#enqueue(() => {
      const loss = createLoss(task.loss, task.lossConfig);
      return this.#model(task.modelId).forwardBackward(task.rows, loss, task.forwardOnly);
    });
  }

  optimStep(modelId: string, params: AdamParams): Promise<{ metrics: Record<string, number> }> {
    return this.#enqueue(() => ({ metrics: this.#model(modelId).optimStep(params) }));
  }

  saveModel({ modelId, directory, includeOptimizer }: Parameters<Engine['saveModel']>[0]): Promise<void> {
    return this.#enqueue(() => {
      const { base, adapter, optimizer } = this.#model(modelId);
      return writePeftFolder(directory, base.name, adapter, includeOptimizer ? optimizer : undefined);
    });
  }

  loadModel({ modelId, directory, includeOptimizer }: Parameters<Engine['loadModel']>[0]): Promise<void> {
    return this.#enqueue(async () => {
      const model = this.#model(modelId);
      const adapter = await readPeftFolder(
        directory,
        model.base.name,
        model.base.matrices.matrices,
        model.adapter,
      );
      model.replace(adapter, includeOptimizer ? await readOptimizer(directory, adapter) : undefined);
    });
  }

  createSampler({ samplerId, baseModel, from }: Parameters<Engine['createSampler']>[0]): Promise<void> {
    return this.#enqueue(async () => {
      if (this.#samplers.has(samplerId))
        throw new EngineError('user', `There is a sampler ${samplerId} already`);
      const base = await this.#catalogue.base(baseModel);
      let matrices: TrainableMatrices = base.matrices;
      if (from.kind === 'model') {
        const model = this.#model(from.modelId);
        if (model.base !== base)
          throw new EngineError('user', `Model ${from.modelId} is of ${model.base.name}, not ${baseModel}`);
        // Merged weights are replaced when the model changes, never written to: they can be shared.
        matrices = model.merged();
      } else if (from.kind === 'directory') {
        const adapter = await readPeftFolder(from.directory, baseModel, base.matrices.matrices);
        matrices = copyMatrices(base.config, base.matrices);
        mergeAdapter(adapter, matrices);
      }
      this.#samplers.set(samplerId, { base, matrices, decoder: this.#catalogue.passes(base.config).decoder });
    });
  }

  releaseSampler(samplerId: string): Promise<void> {
    return this.#enqueue(() => {
      this.#sampler(samplerId);
      this.#samplers.delete(samplerId);
    });
  }

  sample(request: SampleTask): Promise<SampleResult> {
    return this.#sampling.sample(request);
  }

  async cancelSample(taskId: string): Promise<void> {
    this.#sampling.cancel(taskId);
  }

  async stats(): Promise<EngineStats> {
    return { residentBytes: process.memoryUsage.rss(), compiled: this.#catalogue.shapes.entries() };
  }

  async close(): Promise<void> {
    await this.#enqueue(() => {
      this.#models.clear();
      this.#samplers.clear();
    });
  }

  #enqueue<Result>(work: () => Result | Promise<Result>): Promise<Result> {
    const { promise, resolve, reject } = Promise.withResolvers<Result>();
    const run = async () => {
      try {
        await this.#ready;
        resolve(await work());
      } catch (error) {
        reject(error);
      }
    };
    this.#queue.add({ run });
    return promise;
  }

  #model(modelId: string): TrainedModel {
    const model = this.#models.get(modelId);
    if (model === undefined) throw new EngineError('user', `The engine has no model ${modelId}`);
    return model;
  }

  #sampler(samplerId: string): SamplerWeights {
    const sampler = this.#samplers.get(samplerId);
    if (sampler === undefined) throw new EngineError('user', `The engine has no sampler ${samplerId}`);
    return sampler;
  }

  #drawSeed(): bigint {
    return BigInt(Math.floor(this.#random.next() * 2 ** 32));
  }
}
