import http from 'node:http';
import https from 'node:https';
import got, { AbortError, RequestError, TimeoutError as GotTimeoutError } from 'got';
import { TimeoutError } from '../core/errors.ts';
import type { HttpRequest, Transport, TransportOptions } from './transport.ts';
import { toUnreachable } from './unreachable.ts';

/** Exchanges by got, over keep-alive connections; Node's agents go through proxies. */
export function createControlTransport({ proxy, ca }: TransportOptions): Transport {
  const proxyEnv = { HTTP_PROXY: proxy.http, HTTPS_PROXY: proxy.https, NO_PROXY: proxy.except };
  const options = { keepAlive: true, maxSockets: Number.POSITIVE_INFINITY, proxyEnv };
  const agents = {
    http: new http.Agent(options),
    https: new https.Agent(ca === undefined ? options : { ...options, ca }),
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
          ...toBody(body),
          ...(signal === undefined ? {} : { signal }),
        });
        return { status: response.statusCode, headers: foldHeaders(response.headers), body: response.body };
      } catch (error) {
        throw toTransportError(error, url, timeoutMs, signal);
      }
    },
    close() {
      agents.http.destroy();
      agents.https.destroy();
    },
  };
}

/**
 * Of a `body` got asks whether it is a FormData, for which Node loads its own fetch: 40 ms of each command. Text is given as what is
 * to be serialised, and comes out as it is; its content type is among the headers.
 */
function toBody(body: HttpRequest['body']) {
  if (body === undefined) return {};
  return typeof body === 'string' ? { json: body, stringifyJson: String } : { body };
}

function foldHeaders(headers: http.IncomingHttpHeaders): Record<string, string | undefined> {
  const folded: Record<string, string | undefined> = {};
  for (const [name, value] of Object.entries(headers))
    folded[name] = Array.isArray(value) ? value.join(', ') : value;
  return folded;
}

function toTransportError(
  error: unknown,
  url: string,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): unknown {
  if (signal?.aborted && error instanceof AbortError) return signal.reason;
  const { origin } = new URL(url);
  // Errors of got show the request's headers, and the key with them; what lies beneath them does not.
  if (error instanceof GotTimeoutError) {
    return new TimeoutError(`${origin} did not answer within ${timeoutMs} ms`);
  }
  if (error instanceof RequestError) {
    return toUnreachable(origin, error, error.cause);
  }
  return error;
}
