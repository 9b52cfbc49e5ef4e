import { Agent, EnvHttpProxyAgent, errors, type Dispatcher } from 'undici';
import { ConnectionError, TimeoutError } from '../core/errors.ts';
import type { HttpRequest, HttpResponse, Transport, TransportOptions } from './transport.ts';

/** Exchanges by undici's dispatcher: no stream, no promise and no signal of its own between the socket and the answer. */
export function createHotTransport({ proxy, ca }: TransportOptions): Transport {
  const options = { connections: null, pipelining: 1, keepAliveTimeout: 30_000, connect: ca === undefined ? {} : { ca } };
  const { http, https, except } = proxy;
  const agent =
    http === undefined && https === undefined
      ? new Agent(options)
      : new EnvHttpProxyAgent({
          ...options,
          ...(http === undefined ? {} : { httpProxy: http }),
          ...(https === undefined ? {} : { httpsProxy: https }),
          ...(except === undefined ? {} : { noProxy: except }),
        });
  return {
    send: (request) => new Promise((resolve, reject) => dispatch(agent, request, resolve, reject)),
    close() {
      // Whatever is still under way was given up by its caller.
      agent.destroy().catch(() => undefined);
    },
  };
}

function dispatch(
  agent: Dispatcher,
  { method, url, headers, body, timeoutMs, signal }: HttpRequest,
  resolve: (response: HttpResponse) => void,
  reject: (error: unknown) => void,
): void {
  if (signal?.aborted) {
    reject(signal.reason);
    return;
  }
  const slash = url.indexOf('/', url.indexOf('://') + 3);
  const origin = url.slice(0, slash);
  const chunks: Buffer[] = [];
  let status = 0;
  let responseHeaders: HttpResponse['headers'] = {};
  let controller: Dispatcher.DispatchController | undefined;
  const onAbort = (): void => {
    controller?.abort(new errors.RequestAbortedError());
    reject(signal?.reason);
  };
  signal?.addEventListener('abort', onAbort, { once: true });
  const finish = (): void => signal?.removeEventListener('abort', onAbort);
  agent.dispatch(
    { origin, path: url.slice(slash), method, headers, body: body ?? null, headersTimeout: timeoutMs, bodyTimeout: timeoutMs },
    {
      onRequestStart(started) {
        controller = started;
        if (signal?.aborted) started.abort(new errors.RequestAbortedError());
      },
      onResponseStart(_, statusCode, rawHeaders) {
        status = statusCode;
        responseHeaders = foldRepeated(rawHeaders);
      },
      onResponseData(_, chunk) {
        chunks.push(chunk);
      },
      onResponseEnd() {
        finish();
        const [only] = chunks;
        const whole = chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks);
        resolve({ status, headers: responseHeaders, body: whole });
      },
      onResponseError(_, error) {
        finish();
        reject(toTransportError(error, origin, timeoutMs));
      },
    },
  );
}

function foldRepeated(headers: Record<string, string | string[] | undefined>): Record<string, string | undefined> {
  for (const name of Object.keys(headers)) {
    const value = headers[name];
    if (Array.isArray(value)) headers[name] = value.join(', ');
  }
  return headers as Record<string, string | undefined>;
}

function toTransportError(error: Error, origin: string, timeoutMs: number): Error {
  if (error instanceof errors.HeadersTimeoutError || error instanceof errors.BodyTimeoutError) {
    return new TimeoutError(`${origin} did not answer within ${timeoutMs} ms`, { cause: error });
  }
  const code = 'code' in error ? ` (${String(error.code)})` : '';
  return new ConnectionError(`Could not reach ${origin}: ${error.message}${code}`, { cause: error });
}
