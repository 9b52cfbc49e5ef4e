import { randomUUID } from 'node:crypto';
import type { Connection } from '../core/config.ts';
import { ConnectionError, InvalidResponseError, TimeoutError } from '../core/errors.ts';
import { AttemptFailure, retrying, type RetryAttempt } from '../core/retry.ts';
import { defaultRetries, noRetries, readRetryHints, type RetryProfile } from '../core/retry-policy.ts';
import { packageVersion } from '../core/version.ts';
import { withDeadline } from '../core/deadline.ts';
import type { DeprecationNoted } from '../types/events.ts';
import type { RequestOptions } from '../types/options.ts';
import type { RequestAuth } from './auth/authenticator.ts';
import { toQueryString, withoutQuery } from './addresses.ts';
import { parseJson, toStatusError } from './responses.ts';
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
  /** Told of each attempt of which nobody knows whether it took effect: there was no answer, or not the server's own. */
  onUncertain?: (() => void) | undefined;
  /** Sent as the key, in place of what the client's own authentication gives: for the handshake. */
  credential?: string | undefined;
  /** Secrets in it, which an error must not repeat where the server does. */
  secrets?: readonly string[] | undefined;
}

/** Whoever wants to know what happens to requests. */
export interface ApiClientHooks {
  onRetry?: ((what: string, retry: RetryAttempt) => void) | undefined;
  /** A request has failed for good. Not told of what the caller aborted, nor of requests with a loop of their own around them. */
  onFailure?: ((error: unknown, what: string) => void) | undefined;
  /** The server announced that something will go away; told with every answer that says so. */
  onDeprecation?: ((notice: DeprecationNoted) => void) | undefined;
}

/** A shape that a JSON answer must have. */
interface Schema<Value> {
  safeParse(value: unknown): { success: true; data: Value } | { success: false; error: { message: string } };
}

const userAgent = `tinker-ts/${packageVersion}`;

/** Requests to one server: headers, retries, and statuses turned into errors. Knows no operation. */
export class ApiClient {
  readonly #connection: Connection;
  readonly #transport: Transport;
  readonly #auth: RequestAuth;
  readonly #hooks: ApiClientHooks;
  readonly #ending: AbortSignal | undefined;
  readonly #keyPrefix = `tinker-ts-${randomUUID()}`;
  #keyCount = 0;

  constructor(
    connection: Connection,
    transport: Transport,
    auth: RequestAuth,
    hooks: ApiClientHooks = {},
    ending?: AbortSignal,
  ) {
    this.#connection = connection;
    this.#transport = transport;
    this.#auth = auth;
    this.#hooks = hooks;
    this.#ending = ending;
  }

  /** The same client, for requests that end with this signal too, as with one of their own. */
  boundTo(ending: AbortSignal): ApiClient {
    return new ApiClient(this.#connection, this.#transport, this.#auth, this.#hooks, ending);
  }

  get connection(): Connection {
    return this.#connection;
  }

  /** Sends until it succeeds, the profile is used up or the deadline passes; throws ApiError for any status but 2xx. */
  send(request: ApiRequest, sending: RequestOptions = {}): Promise<HttpResponse> {
    const options = this.#bind(sending);
    return this.#reporting(request, options, () => this.#send(request, options));
  }

  /** `send`, with the answer checked against a schema. */
  json<Value>(request: ApiRequest, schema: Schema<Value>, sending: RequestOptions = {}): Promise<Value> {
    const options = this.#bind(sending);
    return this.#reporting(request, options, async () => {
      const response = await this.#send(request, options);
      const parsed = schema.safeParse(parseJson(response.body));
      if (parsed.success) return parsed.data;
      throw new InvalidResponseError(
        `${toWhat(request)} answered something unexpected: ${parsed.error.message}`,
      );
    });
  }

  /** What a signed URL of any host gives. No key goes with it, and the error shows it without its query. */
  async fetchSigned(url: string, sending: RequestOptions = {}): Promise<Uint8Array> {
    const options = this.#bind(sending);
    const what = `GET ${withoutQuery(url)}`;
    const { clock, requestTimeoutMs: timeoutMs } = this.#connection;
    return withDeadline(what, options, clock, async (signal) => {
      const headers = { 'user-agent': userAgent };
      const response = await this.#transport.send({ method: 'GET', url, headers, timeoutMs, signal });
      if (response.status >= 200 && response.status < 300) return response.body;
      throw toStatusError(what, response, [url]);
    });
  }

  /** One exchange whose status the caller judges. The way of samples and polls: nothing around the request itself. */
  async exchange(request: ApiRequest, options: RequestOptions = {}): Promise<HttpResponse> {
    const result = await this.#attempt(request, this.#bind(options), 0);
    if (result instanceof AttemptFailure) throw result.error;
    return result;
  }

  #bind(options: RequestOptions): RequestOptions {
    if (this.#ending === undefined) return options;
    // A signal for each request: hundreds of listeners on one would be taken for a leak.
    const own = options.signal === undefined ? [] : [options.signal];
    return { ...options, signal: AbortSignal.any([...own, this.#ending]) };
  }

  async #send(request: ApiRequest, options: RequestOptions): Promise<HttpResponse> {
    const what = toWhat(request);
    const { clock, random } = this.#connection;
    const profile = options.retry === false ? noRetries : (request.retries ?? defaultRetries);
    const idempotencyKey = options.idempotencyKey ?? this.#createIdempotencyKey();
    return withDeadline(what, options, clock, (signal) =>
      retrying(
        async (index) => {
          const result = await this.#attempt(request, { ...options, idempotencyKey, signal }, index);
          if (result instanceof AttemptFailure || result.status >= 500) request.onUncertain?.();
          if (result instanceof AttemptFailure || (result.status >= 200 && result.status < 300))
            return result;
          const error = toStatusError(what, result, request.secrets);
          return new AttemptFailure(error, readRetryHints(result.headers, clock.now()));
        },
        { profile, clock, random, signal, onRetry: (retry) => this.reportRetry(what, retry) },
      ),
    );
  }

  /** An answer of whatever status, or that there was none. Throws what went wrong with the key, which no retry mends. */
  async #attempt(
    request: ApiRequest,
    options: RequestOptions,
    retryCount: number,
  ): Promise<HttpResponse | AttemptFailure> {
    const { credential } = request;
    if (credential !== undefined) return this.#sendOnce(request, options, retryCount, credential);
    const known = this.#auth.token(options);
    const token = typeof known === 'string' ? known : await known;
    const result = await this.#sendOnce(request, options, retryCount, token);
    if (result instanceof AttemptFailure || !isRejectedToken(result)) return result;
    const fresh = await this.#auth.replace(token, options);
    return fresh === undefined ? result : this.#sendOnce(request, options, retryCount, fresh);
  }

  async #sendOnce(
    request: ApiRequest,
    options: RequestOptions,
    retryCount: number,
    key: string,
  ): Promise<HttpResponse | AttemptFailure> {
    const { baseUrl, requestTimeoutMs } = this.#connection;
    const { method, path, query, json, protobuf } = request;
    try {
      const response = await this.#transport.send({
        method,
        url: `${baseUrl}/api/v1${path}${toQueryString(query)}`,
        headers: this.#toHeaders(request, options, retryCount, key),
        body: protobuf ?? (json === undefined ? undefined : JSON.stringify(json)),
        timeoutMs: options.requestTimeoutMs ?? request.requestTimeoutMs ?? requestTimeoutMs,
        signal: options.signal,
        hot: request.hot,
      });
      this.#noteDeprecation(response);
      return response;
    } catch (error) {
      if (error instanceof ConnectionError || error instanceof TimeoutError) return new AttemptFailure(error);
      throw error;
    }
  }

  /** One for each request, the same for every attempt of it. */
  #createIdempotencyKey(): string {
    return `${this.#keyPrefix}-${++this.#keyCount}`;
  }

  /** Written out, since it is done for every sample and every poll. */
  #toHeaders(
    request: ApiRequest,
    options: RequestOptions,
    retryCount: number,
    key: string,
  ): Record<string, string> {
    const headers: Record<string, string> = {
      accept: 'application/json',
      'user-agent': userAgent,
      'x-stainless-retry-count': String(retryCount),
    };
    if (request.method !== 'GET') {
      headers['content-type'] =
        request.protobuf === undefined ? 'application/json' : 'application/x-protobuf';
      headers['x-idempotency-key'] = options.idempotencyKey ?? this.#createIdempotencyKey();
    }
    const { clientId, clientSecret } = this.#connection.cloudflareAccess;
    if (clientId !== undefined) headers['cf-access-client-id'] = clientId.reveal();
    if (clientSecret !== undefined) headers['cf-access-client-secret'] = clientSecret.reveal();
    Object.assign(headers, request.headers, this.#connection.headers, options.headers);
    headers['x-api-key'] = key;
    return headers;
  }

  async #reporting<Value>(
    request: ApiRequest,
    { signal }: RequestOptions,
    work: () => Promise<Value>,
  ): Promise<Value> {
    try {
      return await work();
    } catch (error) {
      if (signal?.aborted !== true && request.retries !== noRetries)
        this.#hooks.onFailure?.(error, toWhat(request));
      throw error;
    }
  }

  #noteDeprecation({ headers }: HttpResponse): void {
    const note = headers['x-deprecation-note'];
    if (note === undefined || note === '') return;
    this.#hooks.onDeprecation?.({
      note,
      level: headers['x-deprecation-level']?.trim().toLowerCase() === 'error' ? 'error' : 'warning',
    });
  }

  /** Tells of a retry; whoever repeats exchanges in a loop of its own calls it too. */
  reportRetry(what: string, retry: RetryAttempt): void {
    const { attempt, delayMs, error } = retry;
    // One failure in passing is nobody's concern; the second is worth a line.
    const level = attempt === 1 ? 'info' : 'warn';
    this.#connection.logger[level](
      `retry ${attempt} of ${what} in ${Math.round(delayMs)} ms: ${error.message}`,
    );
    this.#hooks.onRetry?.(what, retry);
  }
}

function toWhat({ method, path }: ApiRequest): string {
  return `${method} /api/v1${path}`;
}

/** The server no longer takes this token, and would take a new one (wire-protocol 1.5). */
function isRejectedToken({ status, headers }: HttpResponse): boolean {
  return status === 401 && (headers['www-authenticate'] ?? '').includes('error="invalid_token"');
}
