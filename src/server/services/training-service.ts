import type { z } from 'zod';
import type { AdamParams, optimStepRequestSchema } from '../../types/training.ts';
import type {
  loadWeightsRequestSchema,
  saveWeightsExternalRequestSchema,
  saveWeightsForSamplerRequestSchema,
  saveWeightsRequestSchema,
} from '../../types/weights.ts';
import { toCheckpointKey } from '../checkpoint-path.ts';
import type { EngineAccess } from '../engine-access.ts';
import { HttpError, OperationError, unsupported } from '../errors.ts';
import { checkLossConfig } from '../losses.ts';
import { checkCheckpointName, toExpiry } from '../names.ts';
import type { CheckpointKind } from '../store/checkpoint-store.ts';
import type { OperationResult } from '../wire/results.ts';
import type { TrainingRequest } from '../wire/training-request.ts';
import { toTrainingRows } from '../wire/training-rows.ts';
import type { CheckpointService } from './checkpoint-service.ts';
import type { LiveModel, ModelService, Submission } from './model-service.ts';
import type { SamplerService } from './sampler-service.ts';

export interface TrainingServiceOptions {
  engine: EngineAccess;
  models: ModelService;
  checkpoints: CheckpointService;
  samplers: SamplerService;
}

type OptimStep = z.output<typeof optimStepRequestSchema>;
type SaveWeights = z.output<typeof saveWeightsRequestSchema>;
type SaveWeightsForSampler = z.output<typeof saveWeightsForSamplerRequestSchema>;
type SaveWeightsExternal = z.output<typeof saveWeightsExternalRequestSchema>;
type LoadWeights = z.output<typeof loadWeightsRequestSchema>;

/** The operations of a model that have a `seq_id`: each is checked, then queued. */
export class TrainingService {
  readonly #options: TrainingServiceOptions;

  constructor(options: TrainingServiceOptions) {
    this.#options = options;
  }

  forwardBackward(request: TrainingRequest): Submission {
    const { engine, models } = this.#options;
    const repeated = models.findRepeated(request.modelId, request.seqId);
    if (repeated !== undefined) return repeated;
    const model = models.require(request.modelId);
    const lossConfig = checkLossConfig(request.loss, request.lossConfig);
    const { rows, targetShapes } = toTrainingRows(request, model.base);
    return models.submit(model, request.seqId, async () => {
      const { modelId, loss, forwardOnly } = request;
      const result = await engine.run((e) =>
        e.forwardBackward({ modelId, rows, loss, lossConfig, forwardOnly }),
      );
      const logprobs = result.logprobs.map((values, index) => ({
        values,
        shape: targetShapes[index] ?? [values.length],
      }));
      return { kind: 'training', output: { logprobs, metrics: { 'loss:sum': result.lossSum } } };
    });
  }

  optimStep(request: OptimStep): Submission {
    const { engine, models } = this.#options;
    const model = models.require(request.model_id);
    const params = toAdamParams(request, model.run.optimizer_config.type);
    return models.submit(model, request.seq_id || undefined, async () => {
      const { metrics } = await engine.run((e) => e.optimStep(request.model_id, params));
      const finite = Object.entries(metrics).filter(([, value]) => Number.isFinite(value));
      return { kind: 'json', body: { metrics: Object.fromEntries(finite) } };
    });
  }

  saveWeights(request: SaveWeights): Submission {
    const { models } = this.#options;
    const model = models.require(request.model_id);
    if (request.path == null) throw new HttpError(422, 'save_weights needs a checkpoint name in path');
    const name = checkCheckpointName(request.path);
    toExpiry(request.ttl_seconds, 0, 422);
    return models.submit(model, request.seq_id || undefined, async () => {
      const path = await this.#save(model, 'weights', name, request, request.overwrite);
      return { kind: 'json', body: { type: 'save_weights', path } };
    });
  }

  /** A named save writes a checkpoint; without a name it opens a sampler on the weights as they are at its turn. */
  saveWeightsForSampler(request: SaveWeightsForSampler): Submission {
    const { models, samplers } = this.#options;
    const seqId = request.seq_id || undefined;
    const model = models.require(request.model_id);
    const { path, sampling_session_seq_id: counter } = request;
    if ((path == null) === (counter == null)) {
      throw new HttpError(422, 'save_weights_for_sampler needs either path or sampling_session_seq_id');
    }
    toExpiry(request.ttl_seconds, 0, 422);
    if (path != null) {
      if (request.kind === 'inflight') throw unsupported('A named save of kind inflight');
      const name = checkCheckpointName(path);
      return models.submit(model, seqId, async () => {
        const saved = await this.#save(model, 'sampler_weights', name, request, false);
        return { kind: 'json', body: { type: 'save_weights_for_sampler', path: saved } };
      });
    }
    return models.submit(model, seqId, async () => {
      const sampling_session_id = await samplers.createFromModel(model, counter ?? 0);
      return { kind: 'json', body: { type: 'save_weights_for_sampler', sampling_session_id } };
    });
  }

  /** An export: the adapter as other programs read it, for downloads by one signed URL per file. */
  saveWeightsExternal(request: SaveWeightsExternal): Submission {
    const { models, checkpoints } = this.#options;
    const model = models.require(request.model_id);
    if ((request.age_encryption_recipients ?? []).length > 0)
      throw unsupported('Encryption of exports (age_encryption_recipients)');
    const name = checkCheckpointName(request.path);
    toExpiry(request.ttl_seconds, 0, 422);
    return models.submit(model, request.seq_id || undefined, async () => {
      const path = await this.#save(model, 'external_weights', name, request, false);
      const { size_bytes } = checkpoints.require({ run_id: model.run.id, kind: 'external_weights', name });
      return { kind: 'json', body: { type: 'save_weights_external', path, size_bytes } };
    });
  }

  /** Session addressing makes a new model of a training state; model addressing replaces the weights of one. */
  async loadWeights(request: LoadWeights): Promise<Submission> {
    const { models } = this.#options;
    const { model_id, session_id, model_seq_id } = request;
    if (model_id != null && session_id == null) {
      const model = models.require(model_id);
      if (request.optimizer_config != null)
        throw new HttpError(422, 'optimizer_config is only for a new model');
      requireTrainingState(request.path);
      return models.submit(model, request.seq_id || undefined, () =>
        this.#load(model_id, model.run.base_model, request),
      );
    }
    if (model_id != null || session_id == null || model_seq_id == null) {
      throw new HttpError(422, 'load_weights needs either model_id, or session_id and model_seq_id');
    }
    return this.#createFromState(request, session_id, model_seq_id);
  }

  #createFromState(request: LoadWeights, session_id: string, model_seq_id: number): Promise<Submission> {
    const { models, checkpoints } = this.#options;
    requireTrainingState(request.path);
    const state = checkpoints.require(toCheckpointKey(request.path));
    const base_model = request.base_model ?? state.base_model;
    if (request.optimizer && request.optimizer_config != null) {
      throw new HttpError(422, 'optimizer_config cannot be combined with a restored optimizer state');
    }
    return models.create(
      {
        session_id,
        model_seq_id,
        base_model,
        lora_config: state.lora_config,
        optimizer_config: request.optimizer_config ?? { type: 'adamw' },
        user_metadata: request.user_metadata ?? {},
      },
      (modelId) => this.#load(modelId, base_model, request),
    );
  }

  async #load(modelId: string, baseModel: string, request: LoadWeights): Promise<OperationResult> {
    const { path, optimizer: includeOptimizer } = request;
    const { checkpoints, engine } = this.#options;
    await checkpoints.read(toCheckpointKey(path), 'load', async ({ directory, base_model }) => {
      if (!(await engine.isSameModel(base_model, baseModel))) {
        throw new OperationError(
          `${path} is of ${base_model} and cannot be loaded into ${baseModel}`,
          'user',
        );
      }
      await engine.run((e) => e.loadModel({ modelId, directory, includeOptimizer }));
    });
    return { kind: 'json', body: { type: 'load_weights', path, model_id: modelId } };
  }

  #save(
    { run }: LiveModel,
    kind: CheckpointKind,
    name: string,
    request: Pick<SaveWeights, 'ttl_seconds' | 'user_metadata'>,
    overwrite: boolean,
  ): Promise<string> {
    return this.#options.checkpoints.save({
      run_id: run.id,
      kind,
      name,
      overwrite,
      ttl_seconds: request.ttl_seconds ?? null,
      user_metadata: request.user_metadata ?? null,
      base_model: run.base_model,
      lora_config: run.lora_config,
      optimizer_config: run.optimizer_config,
    });
  }
}

/** The name of the parameters says their kind, which must be that of the model (wire-protocol 2.13). */
function toAdamParams(
  { adam_params: adam, optimizer_params: other }: OptimStep,
  optimizer: string,
): AdamParams {
  if (adam != null && other != null)
    throw new HttpError(422, 'optim_step takes either adam_params or optimizer_params, not both');
  if (other != null) {
    throw new HttpError(
      422,
      `optimizer_params are of type ${other.type}, but the model's optimizer is ${optimizer}: give adam_params`,
    );
  }
  if (adam == null) throw new HttpError(422, 'optim_step needs adam_params');
  return adam;
}

function requireTrainingState(path: string): void {
  const { kind } = toCheckpointKey(path);
  if (kind !== 'weights')
    throw new HttpError(422, `${path} cannot be trained from; only a training state (weights) can be loaded`);
}
