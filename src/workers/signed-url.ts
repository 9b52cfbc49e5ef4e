import { get as getHttp, type IncomingMessage } from 'node:http';
import { get as getHttps } from 'node:https';
import { ConnectionError, InvalidResponseError, TimeoutError, TinkerError } from '../core/errors.ts';

const redirectStatuses = new Set([301, 302, 303, 307, 308]);
const maximumRedirectCount = 5;

export interface GetSignedUrlOptions {
  headers: Readonly<Record<string, string>>;
  signal: AbortSignal;
  /** A connection that is silent for so long is broken off with TimeoutError. */
  stallTimeoutMs: number;
}

/** A signed URL as it may be shown: without its query, user and fragment. */
export function redactUrl(url: string): string {
  const parsed = URL.parse(url);
  return parsed === null ? 'a malformed URL' : `${parsed.origin}${parsed.pathname}`;
}

/**
 * GET of a signed URL, redirects followed, nothing of ours sent but the given headers. The caller consumes or destroys the
 * response. Rejects with ConnectionError or TimeoutError, whose messages never hold the query.
 */
export async function getSignedUrl(url: string, options: GetSignedUrlOptions): Promise<IncomingMessage> {
  let target = parseTarget(url, undefined);
  for (let redirectCount = 0; redirectCount <= maximumRedirectCount; redirectCount++) {
    const response = await send(target, options);
    const { location } = response.headers;
    if (location === undefined || !redirectStatuses.has(response.statusCode ?? 0)) return response;
    response.destroy();
    target = parseTarget(location, target);
  }
  throw new InvalidResponseError(
    `GET ${redactUrl(url)} was redirected more than ${maximumRedirectCount} times`,
  );
}

function parseTarget(url: string, base: URL | undefined): URL {
  const target = URL.parse(url, base);
  if (target === null || (target.protocol !== 'http:' && target.protocol !== 'https:')) {
    throw new InvalidResponseError(`The archive's address is no http or https URL: ${redactUrl(url)}`);
  }
  if (base?.protocol === 'https:' && target.protocol === 'http:') {
    throw new InvalidResponseError(
      `GET ${redactUrl(base.href)} was redirected from https to http, which is not followed`,
    );
  }
  return target;
}

function send(
  target: URL,
  { headers, signal, stallTimeoutMs }: GetSignedUrlOptions,
): Promise<IncomingMessage> {
  const what = `GET ${redactUrl(target.href)}`;
  return new Promise((resolve, reject) => {
    let response: IncomingMessage | undefined;
    const get = target.protocol === 'https:' ? getHttps : getHttp;
    const request = get(target, { headers, signal, timeout: stallTimeoutMs }, (received) => {
      response = received;
      resolve(received);
    });
    request.on('timeout', () => {
      const error = new TimeoutError(`${what} was silent for ${stallTimeoutMs} ms`);
      if (response === undefined) request.destroy(error);
      else response.destroy(error);
    });
    request.on('error', (error) => reject(toNetworkError(error, what)));
  });
}

/** The error for a request or a body that broke; errors that are ours already stay as they are. */
export function toNetworkError(error: unknown, what: string): TinkerError {
  if (TinkerError.isInstance(error)) return error;
  const reason =
    error instanceof Error ? ('code' in error ? String(error.code) : error.message) : String(error);
  return new ConnectionError(`${what} broke off: ${reason}`, { cause: error });
}
