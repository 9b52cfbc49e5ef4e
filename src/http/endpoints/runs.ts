import type { RequestOptions } from '../../types/options.ts';
import {
  trainingRunSchema,
  trainingRunsResponseSchema,
  type AccessScope,
  type TrainingRun,
} from '../../types/runs.ts';
import type { Cursor } from '../../types/checkpoints.ts';
import { pathSegment } from '../addresses.ts';
import type { ApiClient } from '../api-client.ts';

export interface ListRunsQuery {
  limit: number;
  offset: number;
  access_scope?: AccessScope | undefined;
  project_id?: string | undefined;
}

export function listTrainingRuns(
  api: ApiClient,
  { limit, offset, access_scope, project_id }: ListRunsQuery,
  options?: RequestOptions,
): Promise<{ training_runs: TrainingRun[]; cursor: Cursor }> {
  const query = { limit, offset, access_scope, project_id };
  return api.json({ method: 'GET', path: '/training_runs', query }, trainingRunsResponseSchema, options);
}

export function getTrainingRun(
  api: ApiClient,
  runId: string,
  query: { access_scope?: AccessScope | undefined },
  options?: RequestOptions,
): Promise<TrainingRun> {
  return api.json(
    { method: 'GET', path: `/training_runs/${pathSegment(runId)}`, query },
    trainingRunSchema,
    options,
  );
}
