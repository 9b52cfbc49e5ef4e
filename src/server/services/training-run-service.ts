import type { Checkpoint } from '../../types/checkpoints.ts';
import type { TrainingRun } from '../../types/runs.ts';
import { HttpError } from '../errors.ts';
import { onlyTexts } from '../metadata.ts';
import { owner } from '../owner.ts';
import type { CheckpointKind } from '../store/checkpoint-store.ts';
import type { TrainingRunRow, TrainingRunStore } from '../store/training-run-store.ts';
import type { CheckpointService } from './checkpoint-service.ts';

export interface TrainingRunServiceOptions {
  trainingRuns: TrainingRunStore;
  checkpoints: CheckpointService;
}

/** Runs as REST lists them. All of them have one owner. */
export class TrainingRunService {
  readonly #options: TrainingRunServiceOptions;

  constructor(options: TrainingRunServiceOptions) {
    this.#options = options;
  }

  list(
    limit: number,
    offset: number,
    projectId: string | undefined,
  ): { runs: TrainingRun[]; totalCount: number } {
    const { trainingRuns } = this.#options;
    return {
      runs: trainingRuns.list(limit, offset, projectId).map((row) => this.#toTrainingRun(row)),
      totalCount: trainingRuns.count(projectId),
    };
  }

  get(id: string): TrainingRun {
    return this.#toTrainingRun(this.#require(id));
  }

  listCheckpoints(id: string, kinds: readonly CheckpointKind[]): Checkpoint[] {
    return this.#options.checkpoints.listOfRun(this.#require(id).id, kinds);
  }

  #require(id: string): TrainingRunRow {
    const row = this.#options.trainingRuns.find(id);
    if (row === undefined) throw new HttpError(404, `Unknown training run ${id}`);
    return row;
  }

  #toTrainingRun(row: TrainingRunRow): TrainingRun {
    const { checkpoints } = this.#options;
    const state = checkpoints.findLatest(row.id, 'weights');
    const samplerState = checkpoints.findLatest(row.id, 'sampler_weights');
    return {
      training_run_id: row.id,
      base_model: row.base_model,
      model_owner: owner.name,
      is_lora: true,
      corrupted: false,
      lora_rank: row.lora_config.rank,
      last_request_time: new Date(row.last_request_at).toISOString(),
      ...(state === undefined ? {} : { last_checkpoint: state }),
      ...(samplerState === undefined ? {} : { last_sampler_checkpoint: samplerState }),
      user_metadata: onlyTexts(row.user_metadata),
    };
  }
}
