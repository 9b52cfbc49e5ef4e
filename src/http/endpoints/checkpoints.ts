import { ApiError } from '../../core/api-errors.ts';
import { InvalidResponseError } from '../../core/errors.ts';
import { conflictIsFinal, noRetries, readRetryHints } from '../../core/retry-policy.ts';
import type { TinkerPath } from '../../core/tinker-path.ts';
import {
  archiveUrlResponseSchema,
  checkpointsListResponseSchema,
  type ArchiveUrlResponse,
  type Checkpoint,
  type Cursor,
} from '../../types/checkpoints.ts';
import type { RequestOptions } from '../../types/options.ts';
import type { HttpResponse } from '../transport.ts';
import { pathSegment } from '../addresses.ts';
import type { ApiClient, ApiRequest } from '../api-client.ts';
import { parseJson, toStatusError } from '../responses.ts';

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

export function deleteCheckpoint(api: ApiClient, path: TinkerPath, options?: RequestOptions): Promise<void> {
  return sendOnce(api, { method: 'DELETE', path: checkpointPath(path) }, 404, options);
}

/** 409 when it is public already. */
export function publishCheckpoint(api: ApiClient, path: TinkerPath, options?: RequestOptions): Promise<void> {
  return sendOnce(api, { method: 'POST', path: `${checkpointPath(path)}/publish` }, 409, options);
}

/** 409 when it is private already. */
export function unpublishCheckpoint(
  api: ApiClient,
  path: TinkerPath,
  options?: RequestOptions,
): Promise<void> {
  return sendOnce(api, { method: 'DELETE', path: `${checkpointPath(path)}/publish` }, 409, options);
}

/** Seconds from now; null for never, which the body says too. */
export async function setCheckpointTtl(
  api: ApiClient,
  path: TinkerPath,
  ttl_seconds: number | null,
  options?: RequestOptions,
): Promise<void> {
  await api.send({ method: 'PUT', path: `${checkpointPath(path)}/ttl`, json: { ttl_seconds } }, options);
}

/** `alreadyStatus` says that it is so already: no failure when the answer to an earlier attempt of this call was lost. */
async function sendOnce(
  api: ApiClient,
  request: ApiRequest,
  alreadyStatus: number,
  options?: RequestOptions,
): Promise<void> {
  let isUncertain = false;
  const onUncertain = (): void => void (isUncertain = true);
  try {
    await api.send({ ...request, retries: conflictIsFinal, onUncertain }, options);
  } catch (error) {
    if (!isUncertain || !(error instanceof ApiError) || error.status !== alreadyStatus) throw error;
  }
}

export type ArchiveAnswer =
  { kind: 'ready'; archive: ArchiveUrlResponse } | { kind: 'pending'; retryAfterMs: number | undefined };

/** One question for the signed URL of a checkpoint's archive (wire-protocol 2.20): 302, or 200 with JSON, or 503 while it is built. */
export async function getArchiveUrl(
  api: ApiClient,
  path: TinkerPath,
  options?: RequestOptions,
): Promise<ArchiveAnswer> {
  const { clock } = api.connection;
  const ask = (checkpoint: TinkerPath): Promise<HttpResponse> => {
    const request = {
      method: 'GET',
      path: `${checkpointPath(checkpoint)}/archive`,
      retries: noRetries,
    } as const;
    return api.exchange(request, options);
  };
  let response = await ask(path);
  // Some servers know sampler checkpoints by their bare names (wire-protocol 13.3).
  if (response.status === 405 && path.checkpoint_type === 'sampler') {
    response = await ask({ ...path, checkpoint_id: path.name });
  }
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

/** A checkpoint below `/api/v1`; its id keeps the slash. */
export function checkpointPath({ training_run_id, checkpoint_id }: TinkerPath): string {
  return `/training_runs/${pathSegment(training_run_id)}/checkpoints/${pathSegment(checkpoint_id)}`;
}
