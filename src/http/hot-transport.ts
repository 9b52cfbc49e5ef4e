import { EnvHttpProxyAgent, errors, Pool, type Dispatcher } from 'undici';
import { TimeoutError } from '../core/errors.ts';
import type { HttpRequest, HttpResponse, Transport, TransportOptions } from './transport.ts';
import { toUnreachable } from './unreachable.ts';

/** Exchanges by undici's dispatcher: no stream and no promise of its own between the socket and the answer. */
export function createHotTransport({ proxy, ca }: TransportOptions): Transport {
  const options = {
    connections: null,
    pipelining: 1,
    keepAliveTimeout: 30_000,
    connect: ca === undefined ? {} : { ca },
  };
  const { http, https, except } = proxy;
  const proxied =
    http === undefined && https === undefined
      ? undefined
      : new EnvHttpProxyAgent({
          ...options,
          ...(http === undefined ? {} : { httpProxy: http }),
          ...(https === undefined ? {} : { httpsProxy: https }),
          ...(except === undefined ? {} : { noProxy: except }),
        });
  // A pool for each origin, of which there is one, spares undici's agent the parsing of the URL of every request.
  const pools = new Map<string, Dispatcher>();
  const dispatcherOf = (origin: string): Dispatcher => {
    const known = proxied ?? pools.get(origin);
    if (known !== undefined) return known;
    const pool = new Pool(origin, options);
    pools.set(origin, pool);
    return pool;
  };
  return {
    send: (request) =>
      new Promise((resolve, reject) => new Exchange(request, resolve, reject).start(dispatcherOf)),
    close() {
      // Whatever is still under way was given up by its caller.
      for (const dispatcher of [...pools.values(), ...(proxied === undefined ? [] : [proxied])]) {
        dispatcher.destroy().catch(() => undefined);
      }
    },
  };
}

/** One request on its way, as undici tells of it. */
class Exchange implements Dispatcher.DispatchHandler {
  readonly #request: HttpRequest;
  readonly #resolve: (response: HttpResponse) => void;
  readonly #reject: (error: unknown) => void;
  readonly #origin: string;
  #controller: Dispatcher.DispatchController | undefined;
  #status = 0;
  #headers: HttpResponse['headers'] = {};
  #first: Buffer | undefined;
  #more: Buffer[] | undefined;

  constructor(
    request: HttpRequest,
    resolve: (response: HttpResponse) => void,
    reject: (error: unknown) => void,
  ) {
    this.#request = request;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#origin = request.url.slice(0, toPathStart(request.url));
  }

  start(dispatcherOf: (origin: string) => Dispatcher): void {
    const { method, url, headers, body, timeoutMs, signal } = this.#request;
    if (signal?.aborted) {
      this.#reject(signal.reason);
      return;
    }
    signal?.addEventListener('abort', this);
    const origin = this.#origin;
    const path = url.slice(origin.length);
    const timeouts = { headersTimeout: timeoutMs, bodyTimeout: timeoutMs };
    dispatcherOf(origin).dispatch({ origin, path, method, headers, body: body ?? null, ...timeouts }, this);
  }

  /** The caller's signal aborts: this object is its listener. */
  handleEvent(): void {
    this.#release();
    this.#controller?.abort(new errors.RequestAbortedError());
    this.#reject(this.#request.signal?.reason);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#request.signal?.aborted) controller.abort(new errors.RequestAbortedError());
  }

  onResponseStart(_: unknown, status: number, headers: Record<string, string | string[] | undefined>): void {
    this.#status = status;
    this.#headers = foldRepeated(headers);
  }

  onResponseData(_: unknown, chunk: Buffer): void {
    if (this.#first === undefined) this.#first = chunk;
    else (this.#more ??= [this.#first]).push(chunk);
  }

  onResponseEnd(): void {
    this.#release();
    const body = this.#more === undefined ? (this.#first ?? Buffer.alloc(0)) : Buffer.concat(this.#more);
    // A turn of the event loop later undici has the connection free again, and the caller's next request can take it.
    setImmediate(this.#resolve, { status: this.#status, headers: this.#headers, body });
  }

  onResponseError(_: unknown, error: Error): void {
    this.#release();
    this.#reject(toTransportError(error, this.#origin, this.#request.timeoutMs));
  }

  #release(): void {
    this.#request.signal?.removeEventListener('abort', this);
  }
}

function toPathStart(url: string): number {
  const slash = url.indexOf('/', url.indexOf('://') + 3);
  return slash < 0 ? url.length : slash;
}

function foldRepeated(
  headers: Record<string, string | string[] | undefined>,
): Record<string, string | undefined> {
  for (const name in headers) {
    const value = headers[name];
    if (Array.isArray(value)) headers[name] = value.join(', ');
  }
  return headers as Record<string, string | undefined>;
}

function toTransportError(error: Error, origin: string, timeoutMs: number): Error {
  if (error instanceof errors.HeadersTimeoutError || error instanceof errors.BodyTimeoutError) {
    return new TimeoutError(`${origin} did not answer within ${timeoutMs} ms`, { cause: error });
  }
  return toUnreachable(origin, error, error);
}
