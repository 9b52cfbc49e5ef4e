import { InvalidResponseError } from '../../core/errors.ts';
import { noRetries, readRetryHints } from '../../core/retry-policy.ts';
import type { TinkerPath } from '../../core/tinker-path.ts';
import {
  archiveUrlResponseSchema,
  checkpointsListResponseSchema,
  type ArchiveUrlResponse,
  type Checkpoint,
  type Cursor,
} from '../../types/checkpoints.ts';
import type { RequestOptions } from '../../types/options.ts';
import { weightsInfoResponseSchema, type WeightsInfoResponse } from '../../types/weights.ts';
import { parseJson, pathSegment, toStatusError, type ApiClient } from '../api-client.ts';

interface CheckpointsPage {
  checkpoints: Checkpoint[];
  cursor?: Cursor | null | undefined;
}

/** All checkpoints of a run, of every type; the server does not page them. */
export function listRunCheckpoints(
  api: ApiClient,
  runId: string,
  options?: RequestOptions,
): Promise<CheckpointsPage> {
  const path = `/training_runs/${pathSegment(runId)}/checkpoints`;
  return api.json({ method: 'GET', path }, checkpointsListResponseSchema, options);
}

/** The caller's checkpoints over all runs, newest first. */
export function listUserCheckpoints(
  api: ApiClient,
  query: { limit: number; offset: number },
  options?: RequestOptions,
): Promise<CheckpointsPage> {
  return api.json({ method: 'GET', path: '/checkpoints', query }, checkpointsListResponseSchema, options);
}

/** What the checkpoint holds. `credential`: in place of the client's own, for another account's weights. */
export function getWeightsInfo(
  api: ApiClient,
  tinker_path: string,
  options?: RequestOptions,
  credential?: string,
): Promise<WeightsInfoResponse> {
  const request = { method: 'POST', path: '/weights_info', json: { tinker_path }, credential } as const;
  return api.json(request, weightsInfoResponseSchema, options);
}

export async function deleteCheckpoint(
  api: ApiClient,
  path: TinkerPath,
  options?: RequestOptions,
): Promise<void> {
  await api.send({ method: 'DELETE', path: checkpointPath(path) }, options);
}

export type ArchiveAnswer =
  { kind: 'ready'; archive: ArchiveUrlResponse } | { kind: 'pending'; retryAfterMs: number | undefined };

/** One question for the signed URL of a checkpoint's archive (wire-protocol 2.20): 302, or 200 with JSON, or 503 while it is built. */
export async function getArchiveUrl(
  api: ApiClient,
  path: TinkerPath,
  options?: RequestOptions,
): Promise<ArchiveAnswer> {
  const request = { method: 'GET', path: `${checkpointPath(path)}/archive`, retries: noRetries } as const;
  const { clock } = api.connection;
  const response = await api.exchange(request, options);
  if (response.status === 503) {
    return { kind: 'pending', retryAfterMs: readRetryHints(response.headers, clock.now()).retryAfterMs };
  }
  const location = response.headers['location'];
  if (response.status === 302 && location !== undefined) {
    const expires = Date.parse(response.headers['expires'] ?? '');
    const expiresAt = Number.isNaN(expires) ? clock.now() + 15 * 60_000 : expires;
    return { kind: 'ready', archive: { url: location, expires: new Date(expiresAt).toISOString() } };
  }
  if (response.status !== 200) throw toStatusError('GET the archive URL', response);
  const parsed = archiveUrlResponseSchema.safeParse(parseJson(response.body));
  if (!parsed.success) throw new InvalidResponseError('the archive answer has no url and expires');
  return { kind: 'ready', archive: parsed.data };
}

function checkpointPath({ training_run_id, checkpoint_id }: TinkerPath): string {
  return `/training_runs/${pathSegment(training_run_id)}/checkpoints/${pathSegment(checkpoint_id)}`;
}
