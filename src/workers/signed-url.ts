import { Agent as HttpAgent, get as getHttp, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, get as getHttps } from 'node:https';
import { workerData } from 'node:worker_threads';
import type { ProxyEnvironment } from '../core/env.ts';
import { ConnectionError, InvalidResponseError, TimeoutError, TinkerError } from '../core/errors.ts';
import { toShownUrl } from '../core/shown-url.ts';
import { toTooManyFiles } from './file-errors.ts';

const redirectStatuses = new Set([301, 302, 303, 307, 308]);
const maximumRedirectCount = 5;

/** How the threads of a pool reach other machines; given to each as it starts. */
export interface WorkerNetwork {
  proxy?: ProxyEnvironment | undefined;
  /** Certificate authorities in PEM, in place of the default ones. */
  ca?: string | undefined;
}

export const networkOfThread: WorkerNetwork = (workerData as WorkerNetwork | null) ?? {};

/** One for each thread: connections are kept from piece to piece. */
const agents = createAgents(networkOfThread);

function createAgents({ proxy, ca }: WorkerNetwork): { http: HttpAgent; https: HttpsAgent } {
  const proxyEnv = { HTTP_PROXY: proxy?.http, HTTPS_PROXY: proxy?.https, NO_PROXY: proxy?.except };
  const options = { keepAlive: true, maxSockets: Number.POSITIVE_INFINITY, proxyEnv };
  return {
    http: new HttpAgent(options),
    https: new HttpsAgent(ca === undefined ? options : { ...options, ca }),
  };
}

export interface GetSignedUrlOptions {
  headers: Readonly<Record<string, string>>;
  signal: AbortSignal;
  /** A connection that is silent for so long is broken off with TimeoutError. */
  stallTimeoutMs: number;
}

/** Where the answer is to be had. */
export class Redirect {
  readonly location: string;

  constructor(location: string) {
    this.location = location;
  }
}

/** The redirect that an answer is, if it is one. */
export function redirectOf(
  statusCode: number | undefined,
  location: string | undefined,
): Redirect | undefined {
  const isRedirect = location !== undefined && redirectStatuses.has(statusCode ?? 0);
  return isRedirect ? new Redirect(location) : undefined;
}

/** Asks until the answer is no redirect; never from https to http, and not for ever. */
export async function followRedirects<Answer>(
  url: string,
  ask: (target: URL) => Promise<Answer | Redirect>,
): Promise<Answer> {
  let target = parseTarget(url, undefined);
  for (let redirectCount = 0; redirectCount <= maximumRedirectCount; redirectCount++) {
    const answer = await ask(target);
    if (!(answer instanceof Redirect)) return answer;
    target = parseTarget(answer.location, target);
  }
  throw new InvalidResponseError(
    `GET ${toShownUrl(url)} was redirected more than ${maximumRedirectCount} times`,
  );
}

/**
 * GET of a signed URL, redirects followed, nothing of ours sent but the given headers. The caller consumes or destroys the
 * response. Rejects with ConnectionError or TimeoutError, whose messages never hold the query.
 */
export async function getSignedUrl(url: string, options: GetSignedUrlOptions): Promise<IncomingMessage> {
  return followRedirects(url, async (target) => {
    const response = await send(target, options, false);
    const redirect = redirectOf(response.statusCode, response.headers.location);
    if (redirect !== undefined) response.destroy();
    return redirect ?? response;
  });
}

function parseTarget(url: string, base: URL | undefined): URL {
  const target = URL.parse(url, base);
  const shown = target === null ? JSON.stringify(toShownUrl(url)) : toShownUrl(target.href);
  if (target === null || (target.protocol !== 'http:' && target.protocol !== 'https:')) {
    throw new InvalidResponseError(
      `The address that the server gave for the download is no http or https URL: ${shown}. ` +
        'Check that the base URL is that of a Tinker server, or tell whoever runs it',
    );
  }
  if (base?.protocol === 'https:' && target.protocol === 'http:') {
    throw new InvalidResponseError(
      `GET ${toShownUrl(base.href)} was redirected from https to http, which is not followed`,
    );
  }
  return target;
}

function send(target: URL, options: GetSignedUrlOptions, isRepeated: boolean): Promise<IncomingMessage> {
  const { headers, signal, stallTimeoutMs } = options;
  const what = `GET ${toShownUrl(target.href)}`;
  return new Promise((resolve, reject) => {
    let response: IncomingMessage | undefined;
    const isSecure = target.protocol === 'https:';
    const get = isSecure ? getHttps : getHttp;
    const agent = isSecure ? agents.https : agents.http;
    const request = get(target, { headers, signal, agent, timeout: stallTimeoutMs }, (received) => {
      response = received;
      resolve(received);
    });
    request.on('timeout', () => {
      const error = new TimeoutError(`${what} was silent for ${stallTimeoutMs} ms`);
      if (response === undefined) request.destroy(error);
      else response.destroy(error);
    });
    request.on('error', (error) => {
      // The server had closed the kept connection before it got the request: no failure yet.
      const isIdleClose = request.reusedSocket && 'code' in error && error.code === 'ECONNRESET';
      if (isIdleClose && response === undefined && !isRepeated && !signal.aborted)
        resolve(send(target, options, true));
      else reject(toNetworkError(error, what));
    });
  });
}

/** The error for a request or a body that broke; errors that are ours already stay as they are. */
export function toNetworkError(error: unknown, what: string): TinkerError {
  if (TinkerError.isInstance(error)) return error;
  const tooManyFiles = toTooManyFiles(error, `open a connection for ${what}`);
  if (tooManyFiles !== undefined) return tooManyFiles;
  const reason =
    error instanceof Error ? ('code' in error ? String(error.code) : error.message) : String(error);
  return new ConnectionError(`${what} broke off: ${reason}`, { cause: error });
}
