import { randomUUID } from 'node:crypto';
import { toApiError, type ApiError } from '../core/api-errors.ts';
import type { Connection } from '../core/config.ts';
import { ConnectionError, InvalidResponseError, TimeoutError } from '../core/errors.ts';
import { AttemptFailure, retrying, type RetryAttempt } from '../core/retry.ts';
import { defaultRetries, noRetries, readRetryHints, type RetryProfile } from '../core/retry-policy.ts';
import { packageVersion } from '../core/version.ts';
import { withDeadline } from '../core/deadline.ts';
import type { RequestOptions } from '../types/options.ts';
import type { HttpResponse, Transport } from './transport.ts';

export interface ApiRequest {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Below `/api/v1`; ids in it escaped by `pathSegment`. */
  path: string;
  query?: Readonly<Record<string, string | number | boolean | undefined>> | undefined;
  /** A JSON body. A request without any body still says that it would be JSON (wire-protocol 1.6). */
  json?: unknown;
  protobuf?: Uint8Array | undefined;
  headers?: Readonly<Record<string, string>> | undefined;
  retries?: RetryProfile | undefined;
  /** See HttpRequest. */
  hot?: boolean | undefined;
  /** Deadline of one attempt, unless the caller's options say otherwise. */
  requestTimeoutMs?: number | undefined;
}

/** A shape that a JSON answer must have. */
interface Schema<Value> {
  safeParse(value: unknown): { success: true; data: Value } | { success: false; error: { message: string } };
}

/** Requests to one server: headers, retries, and statuses turned into errors. Knows no operation. */
export class ApiClient {
  readonly #connection: Connection;
  readonly #transport: Transport;
  readonly #onRetry: ((what: string, retry: RetryAttempt) => void) | undefined;

  constructor(
    connection: Connection,
    transport: Transport,
    onRetry?: (what: string, retry: RetryAttempt) => void,
  ) {
    this.#connection = connection;
    this.#transport = transport;
    this.#onRetry = onRetry;
  }

  get connection(): Connection {
    return this.#connection;
  }

  /** Sends until it succeeds, the profile is used up or the deadline passes; throws ApiError for any status but 2xx. */
  async send(request: ApiRequest, options: RequestOptions = {}): Promise<HttpResponse> {
    const what = `${request.method} /api/v1${request.path}`;
    const { clock, random } = this.#connection;
    const profile = options.retry === false ? noRetries : (request.retries ?? defaultRetries);
    const idempotencyKey = options.idempotencyKey ?? `tinker-ts-${randomUUID()}`;
    return withDeadline(what, options, clock, (signal) =>
      retrying(
        async (index) => {
          try {
            const response = await this.#attempt(request, { ...options, idempotencyKey, signal }, index);
            if (response.status >= 200 && response.status < 300) return response;
            return new AttemptFailure(toStatusError(what, response), readRetryHints(response.headers, clock.now()));
          } catch (error) {
            if (error instanceof ConnectionError || error instanceof TimeoutError) return new AttemptFailure(error);
            throw error;
          }
        },
        { profile, clock, random, signal, onRetry: (retry) => this.#reportRetry(what, retry) },
      ),
    );
  }

  /** `send`, with the answer checked against a schema. */
  async json<Value>(request: ApiRequest, schema: Schema<Value>, options?: RequestOptions): Promise<Value> {
    const response = await this.send(request, options);
    const parsed = schema.safeParse(parseJson(response.body));
    if (parsed.success) return parsed.data;
    throw new InvalidResponseError(
      `${request.method} /api/v1${request.path} answered something unexpected: ${parsed.error.message}`,
    );
  }

  /** One exchange whose status the caller judges. */
  exchange(request: ApiRequest, options: RequestOptions = {}): Promise<HttpResponse> {
    return this.#attempt(request, options, 0);
  }

  #attempt(request: ApiRequest, options: RequestOptions, retryCount: number): Promise<HttpResponse> {
    const { baseUrl, apiKey, headers, requestTimeoutMs } = this.#connection;
    const { method, path, query, json, protobuf } = request;
    return this.#transport.send({
      method,
      url: `${baseUrl}/api/v1${path}${toQueryString(query)}`,
      headers: {
        accept: 'application/json',
        ...(method === 'GET' ? {} : { 'content-type': protobuf === undefined ? 'application/json' : 'application/x-protobuf' }),
        'user-agent': `tinker-ts/${packageVersion}`,
        'x-stainless-retry-count': String(retryCount),
        ...(options.idempotencyKey === undefined || method === 'GET' ? {} : { 'x-idempotency-key': options.idempotencyKey }),
        ...request.headers,
        ...headers,
        ...options.headers,
        'x-api-key': apiKey,
      },
      body: protobuf ?? (json === undefined ? undefined : JSON.stringify(json)),
      timeoutMs: options.requestTimeoutMs ?? request.requestTimeoutMs ?? requestTimeoutMs,
      signal: options.signal,
      hot: request.hot,
    });
  }

  #reportRetry(what: string, retry: RetryAttempt): void {
    const { attempt, delayMs, error } = retry;
    // One failure in passing is nobody's concern; the second is worth a line.
    const level = attempt === 1 ? 'info' : 'warn';
    this.#connection.logger[level](`retry ${attempt} of ${what} in ${Math.round(delayMs)} ms: ${error.message}`);
    this.#onRetry?.(what, retry);
  }
}

/** An id inside a path: colons and slashes stay as they are, everything else that could end the path is escaped. */
export function pathSegment(id: string): string {
  return encodeURIComponent(id).replaceAll('%3A', ':').replaceAll('%2F', '/');
}

/** The parsed body, or undefined when it is no JSON. */
export function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8'));
  } catch {
    return undefined;
  }
}

/** The error for a response that is not 2xx, with the server's own words. */
export function toStatusError(what: string, { status, body }: HttpResponse): ApiError {
  return toApiError(what, { status, body: parseJson(body) ?? Buffer.from(body).toString('utf8') });
}

function toQueryString(query: ApiRequest['query']): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined && value !== '') parameters.set(name, String(value));
  }
  return parameters.size === 0 ? '' : `?${parameters.toString()}`;
}
