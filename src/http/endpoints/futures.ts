import type { RequestType } from '../../types/futures.ts';
import type { RequestOptions } from '../../types/options.ts';
import type { ApiClient } from '../api-client.ts';
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
