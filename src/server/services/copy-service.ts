import type { z } from 'zod';
import type { Clock } from '../../core/clock.ts';
import type { copyWeightsRequestSchema } from '../../types/weights.ts';
import { toCheckpointKey, toCheckpointPath } from '../checkpoint-path.ts';
import { HttpError } from '../errors.ts';
import { toExpiry } from '../names.ts';
import type { CheckpointKey } from '../store/checkpoint-store.ts';
import type { Store } from '../store/store.ts';
import type { CheckpointService } from './checkpoint-service.ts';
import type { ModelService } from './model-service.ts';
import type { SessionService } from './session-service.ts';

export interface CopyServiceOptions {
  store: Store;
  clock: Clock;
  checkpoints: CheckpointService;
  sessions: SessionService;
  models: ModelService;
}

type CopyRequest = z.output<typeof copyWeightsRequestSchema>;

/** How many idempotency keys are remembered. */
const maxIdempotencyKeys = 10_000;

/** Copies of checkpoints: each is a training run of its own that cannot be trained (wire-protocol 2.42). */
export class CopyService {
  readonly #options: CopyServiceOptions;
  readonly #copyByIdempotencyKey = new Map<string, Promise<string>>();

  constructor(options: CopyServiceOptions) {
    this.#options = options;
  }

  /** Answers the path of the copy. The same idempotency key again is the same copy. */
  copy(request: CopyRequest, idempotencyKey: string | undefined): Promise<string> {
    if (idempotencyKey === undefined) return this.#copy(request);
    const repeated = this.#copyByIdempotencyKey.get(idempotencyKey);
    if (repeated !== undefined) return repeated;
    const copy = this.#copy(request);
    this.#copyByIdempotencyKey.set(idempotencyKey, copy);
    copy.catch(() => this.#copyByIdempotencyKey.delete(idempotencyKey));
    const [oldest] = this.#copyByIdempotencyKey.keys();
    if (this.#copyByIdempotencyKey.size > maxIdempotencyKeys && oldest !== undefined) {
      this.#copyByIdempotencyKey.delete(oldest);
    }
    return copy;
  }

  async #copy(request: CopyRequest): Promise<string> {
    const { source_path, ttl_seconds, destination_project_id: project, session_id, model_seq_id } = request;
    const source = toCheckpointKey(source_path);
    toExpiry(ttl_seconds, 0, 422);
    if (session_id == null && model_seq_id == null && project != null) {
      const place = (): { runId: string; sessionId: string } => {
        const sessionId = this.#options.sessions.createFinished(project, `copy of ${source_path}`);
        return { runId: `${sessionId}:train:0`, sessionId };
      };
      return this.#copyTo(source, request, place);
    }
    if (session_id == null || model_seq_id == null || project != null) {
      throw new HttpError(
        422,
        'copy_weights needs either destination_project_id, or session_id and model_seq_id',
      );
    }
    this.#options.sessions.requireActive(session_id);
    const runId = `${session_id}:train:${model_seq_id}`;
    const existing = this.#options.store.trainingRuns.find(runId);
    if (existing?.copied_from === source_path) return toCheckpointPath({ ...source, run_id: runId });
    if (existing !== undefined || this.#options.models.has(runId))
      throw new HttpError(422, `${runId} exists already: use another model_seq_id`);
    return this.#copyTo(source, request, () => ({ runId, sessionId: session_id }));
  }

  #copyTo(
    source: CheckpointKey,
    { source_path, ttl_seconds }: CopyRequest,
    place: () => { runId: string; sessionId: string },
  ): Promise<string> {
    const { store, clock, checkpoints } = this.#options;
    return checkpoints.copy(source, ttl_seconds ?? null, ({ base_model, lora_config, optimizer_config }) => {
      const { runId, sessionId } = place();
      const run = { id: runId, session_id: sessionId, base_model, lora_config, optimizer_config };
      store.trainingRuns.insertCopy({ ...run, copied_from: source_path }, clock.now());
      return runId;
    });
  }
}
