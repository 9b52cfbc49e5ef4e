import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { toApiError } from '../core/api-errors.ts';
import { ConnectionError, DownloadError, InvalidResponseError } from '../core/errors.ts';
import { readRetryHints } from '../core/retry-policy.ts';
import { serializeError } from '../core/serialize-error.ts';
import type { ObjectFacts, RequestFailed } from './protocol.ts';
import { readChecksums } from './read-checksums.ts';
import { getSignedUrl, redactUrl, toNetworkError } from './signed-url.ts';

export interface RangedGet {
  url: string;
  /** What the object was before: then only the same object will do. */
  known: ObjectFacts | undefined;
  /** Where the bytes begin, and how many are wanted at most. */
  start: number;
  length: number;
  signal: AbortSignal;
  stallTimeoutMs: number;
}

/** What comes before a body. */
export interface ResponseHead {
  statusCode?: number | undefined;
  headers: IncomingHttpHeaders;
}

/** What an answer with bytes of the object promises. */
export interface RangePromise {
  kind: 'body';
  facts: ObjectFacts;
  /** How many bytes will come; unknown where the server does not say. */
  bytes: number | undefined;
  /** It is the object from start to end, whatever was asked for: ranges are not to be had. */
  whole: boolean;
}

export interface RangeBody extends RangePromise {
  response: IncomingMessage;
}

/**
 * Asks for a range of an object, under the validator that is known. Of an object of which nothing is known any start will
 * do that the server likes: the first range, or everything. Without a strong validator it is asked for everything, since
 * nobody could tell whether a later range belongs to the same bytes.
 */
export async function getRange(request: RangedGet): Promise<RangeBody | RequestFailed> {
  const { url, known, start, length, signal, stallTimeoutMs } = request;
  const send = (headers: Record<string, string>): Promise<IncomingMessage> =>
    getSignedUrl(url, {
      headers: { 'accept-encoding': 'identity', ...headers },
      signal,
      stallTimeoutMs,
    });
  const range = `bytes=${start}-${start + length - 1}`;
  const response = await send(known?.etag === undefined ? { range } : { range, 'if-range': known.etag });
  // An empty object has no first range.
  const isEmpty = response.statusCode === 416 && known === undefined;
  const judged = judgeRange(response, request);
  if (judged.kind === 'body' && (judged.whole || judged.facts.etag !== undefined))
    return { ...judged, response };
  response.destroy();
  if (judged.kind !== 'body' && !isEmpty) return judged;
  const everything = await send({});
  const whole = judgeRange(everything, request);
  if (whole.kind === 'body' && whole.whole) return { ...whole, response: everything };
  everything.destroy();
  return whole.kind === 'body' ? toStale(everything, request) : whole;
}

/** What an answer means. */
export function judgeRange(
  response: ResponseHead,
  request: Pick<RangedGet, 'url' | 'known' | 'start'>,
): RangePromise | RequestFailed {
  const { url, known, start } = request;
  const status = response.statusCode ?? 0;
  const etag = strongEtag(response.headers.etag);
  const checksums = readChecksums(response.headers);
  if (status === 200 && known === undefined) {
    const sizeBytes = readLength(response.headers['content-length']);
    return { kind: 'body', facts: { etag, sizeBytes, checksums }, bytes: sizeBytes, whole: true };
  }
  if (status === 206) {
    const range = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(response.headers['content-range'] ?? '');
    const [first, last] = [Number(range?.[1]), Number(range?.[2])];
    const sizeBytes = readLength(range?.[3]);
    const isSame =
      known === undefined || (known.sizeBytes === sizeBytes && (etag === undefined || etag === known.etag));
    if (first === start && last >= first && isSame) {
      // A range of an unknown whole is no beginning of anything.
      const validator = sizeBytes === undefined ? undefined : (known?.etag ?? etag);
      const facts = { etag: validator, sizeBytes, checksums };
      return { kind: 'body', facts, bytes: last - first + 1, whole: false };
    }
  }
  if (status === 200 || status === 206 || status === 416) return toStale(response, request);
  const error = serializeError(toApiError(`GET ${redactUrl(url)}`, { status }));
  if (status === 403 || status === 404 || status === 410) return { kind: 'urlExpired', error };
  if (status === 408 || status === 429 || status >= 500) {
    const { retryAfterMs } = readRetryHints(singleHeaders(response), Date.now());
    return { kind: 'transient', error, retryAfterMs };
  }
  return { kind: 'failed', error };
}

function toStale(
  { statusCode = 0 }: ResponseHead,
  { url, start }: Pick<RangedGet, 'url' | 'start'>,
): RequestFailed {
  const body = `instead of what it had from byte ${start}`;
  return {
    kind: 'stale',
    error: serializeError(toApiError(`GET ${redactUrl(url)}`, { status: statusCode, body })),
  };
}

/** What a request that threw ended as; errors that are final are thrown on. */
export function toRequestFailed(error: unknown, url: string, signal: AbortSignal): RequestFailed {
  if (signal.aborted) return { kind: 'cancelled' };
  if (error instanceof DownloadError || error instanceof InvalidResponseError) throw error;
  return { kind: 'transient', error: serializeError(toNetworkError(error, `GET ${redactUrl(url)}`)) };
}

/** The error for a body that ended before its announced length. */
export function toCutError(url: string, receivedBytes: number, bytes: number): ConnectionError {
  return new ConnectionError(`GET ${redactUrl(url)} ended after ${receivedBytes} of ${bytes} bytes`);
}

function strongEtag(etag: string | undefined): string | undefined {
  return etag?.startsWith('"') ? etag : undefined;
}

function readLength(text: string | undefined): number | undefined {
  const length = Number(text ?? Number.NaN);
  return Number.isSafeInteger(length) && length >= 0 ? length : undefined;
}

function singleHeaders(response: ResponseHead): Record<string, string | undefined> {
  return Object.fromEntries(
    Object.entries(response.headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(', ') : value,
    ]),
  );
}
