import http from 'node:http';
import https from 'node:https';
import got, { AbortError, RequestError, TimeoutError as GotTimeoutError } from 'got';
import { ConnectionError, TimeoutError } from '../core/errors.ts';

export interface HttpRequest {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  url: string;
  headers: Readonly<Record<string, string>>;
  body?: Uint8Array | string | undefined;
  timeoutMs: number;
  signal?: AbortSignal | undefined;
}

export interface HttpResponse {
  status: number;
  /** Names in lower case; repeated headers folded. */
  headers: Readonly<Record<string, string | undefined>>;
  body: Uint8Array;
}

/** One HTTP exchange, whatever its status: no retries, no redirects. Throws ConnectionError or TimeoutError. */
export interface Transport {
  send(request: HttpRequest): Promise<HttpResponse>;
  close(): void;
}

/** Keep-alive connections without a limit on sockets: every future that waits holds one. */
export function createTransport(): Transport {
  const agents = {
    http: new http.Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY }),
    https: new https.Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY }),
  };
  const client = got.extend({
    agent: agents,
    retry: { limit: 0 },
    followRedirect: false,
    throwHttpErrors: false,
  });
  return {
    async send({ method, url, headers, body, timeoutMs, signal }) {
      try {
        const response = await client(url, {
          method,
          responseType: 'buffer',
          headers: { ...headers },
          timeout: { request: timeoutMs },
          ...(body === undefined ? {} : { body }),
          ...(signal === undefined ? {} : { signal }),
        });
        return { status: response.statusCode, headers: foldHeaders(response.headers), body: response.body };
      } catch (error) {
        throw toTransportError(error, url, signal);
      }
    },
    close() {
      agents.http.destroy();
      agents.https.destroy();
    },
  };
}

function foldHeaders(headers: http.IncomingHttpHeaders): Record<string, string | undefined> {
  const folded: Record<string, string | undefined> = {};
  for (const [name, value] of Object.entries(headers)) folded[name] = Array.isArray(value) ? value.join(', ') : value;
  return folded;
}

function toTransportError(error: unknown, url: string, signal: AbortSignal | undefined): unknown {
  if (signal?.aborted && error instanceof AbortError) return signal.reason;
  const { origin } = new URL(url);
  if (error instanceof GotTimeoutError) {
    return new TimeoutError(`${origin} did not answer within ${error.timings.phases.total ?? 'the allowed'} ms`, {
      cause: error,
    });
  }
  if (error instanceof RequestError) {
    return new ConnectionError(`Could not reach ${origin}: ${error.message} (${error.code})`, { cause: error });
  }
  return error;
}
