import { InvalidResponseError } from '../../core/errors.ts';
import { noRetries } from '../../core/retry-policy.ts';
import {
  retrieveFuturesResponseSchema,
  type Completion,
  type RequestType,
  type RetrieveFuturesRequest,
} from '../../types/futures.ts';
import type { RequestOptions } from '../../types/options.ts';
import type { ApiClient } from '../api-client.ts';
import { parseJson, toStatusError } from '../responses.ts';
import type { HttpResponse } from '../transport.ts';

export interface RetrieveRequest {
  request_id: string;
  allow_metadata_only: boolean;
  request_type: RequestType;
  /** Poll number, from 0. */
  iteration: number;
}

/** One poll, held by the server for up to 45 s. The answer is judged by `core/future-outcome`. */
export function retrieveFuture(
  api: ApiClient,
  request: RetrieveRequest,
  options?: RequestOptions,
): Promise<HttpResponse> {
  const { request_id, allow_metadata_only, request_type, iteration } = request;
  return api.exchange(
    {
      method: 'POST',
      path: '/retrieve_future',
      json: { request_id, allow_metadata_only },
      headers: {
        accept: 'application/x-protobuf, application/json',
        'x-tinker-request-iteration': String(iteration),
        'x-tinker-request-type': request_type,
      },
      requestTimeoutMs: 45_000,
      hot: true,
    },
    options,
  );
}

export type CompletionsAnswer =
  | {
      kind: 'completions';
      completions: Completion[];
      cursor: number;
      /** Of the request that this answers. */
      prev_cursor: number;
      reported: readonly string[];
    }
  | { kind: 'refused'; error: Error };

/** What of a sampler's requests has finished; held by the server until something has, and sent once. */
export async function retrieveFutures(
  api: ApiClient,
  request: RetrieveFuturesRequest & { prev_cursor: number; retrieved_request_ids: string[] },
  options: RequestOptions & { requestTimeoutMs: number },
): Promise<CompletionsAnswer> {
  const what = 'POST /api/v1/retrieve_futures';
  const response = await api.exchange(
    { method: 'POST', path: '/retrieve_futures', json: request, hot: true },
    options,
  );
  if (response.status < 200 || response.status >= 300)
    return { kind: 'refused', error: toStatusError(what, response) };
  const parsed = retrieveFuturesResponseSchema.safeParse(parseJson(response.body));
  if (!parsed.success) {
    const error = new InvalidResponseError(`${what} answered something unexpected: ${parsed.error.message}`);
    return { kind: 'refused', error };
  }
  const { prev_cursor, retrieved_request_ids: reported } = request;
  return { kind: 'completions', ...parsed.data, prev_cursor, reported };
}

/** Tells the server that nobody waits for a sample any more; sent once. */
export async function cancelFuture(api: ApiClient, request_id: string): Promise<void> {
  await api.send({
    method: 'POST',
    path: '/cancel_future',
    json: { request_id },
    retries: noRetries,
    requestTimeoutMs: 30_000,
  });
}
