import type { IncomingHttpHeaders } from 'node:http';
import { toApiError } from '../core/api-errors.ts';
import { ConnectionError, DownloadError, InvalidResponseError } from '../core/errors.ts';
import { readRetryHints } from '../core/retry-policy.ts';
import { serializeError } from '../core/serialize-error.ts';
import { toShownUrl } from '../core/shown-url.ts';
import type { ObjectFacts, RequestFailed } from './protocol.ts';
import { readChecksums } from './read-checksums.ts';
import { toNetworkError } from './signed-url.ts';

/** What is asked of an object. */
export interface RangeRequest {
  url: string;
  /** What the object was before: then only the same object will do. */
  known: ObjectFacts | undefined;
  /** Where the bytes begin, and how many are wanted at most. */
  start: number;
  length: number;
  signal: AbortSignal;
  stallTimeoutMs: number;
}

/** A request for a range, or once that was no use, for everything. */
export interface RangeAsk extends RangeRequest {
  asksRange: boolean;
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

/** Where the bytes of a range go. */
export interface RangeSink {
  /** Told once, before the bytes. */
  onBody: (body: RangePromise) => void;
  /** Where the next bytes may be put; never empty. */
  room: () => Uint8Array;
  /** So many bytes were put there; what is returned is awaited before more are read, but for those on the way already. */
  take: (byteCount: number) => Promise<void> | undefined;
}

/** Bytes that lie elsewhere. */
export function putInto(sink: RangeSink, bytes: Uint8Array): Promise<void> | undefined {
  let isTooMuch: Promise<void> | undefined;
  for (let rest = bytes; rest.length > 0;) {
    const room = sink.room();
    const part = rest.subarray(0, room.length);
    room.set(part);
    isTooMuch = sink.take(part.length);
    rest = rest.subarray(part.length);
  }
  return isTooMuch;
}

/** The headers that ask. */
export function headersOf({ known, start, length, asksRange }: RangeAsk): Record<string, string> {
  const headers = { 'accept-encoding': 'identity' };
  if (!asksRange) return headers;
  const range = `bytes=${start}-${start + length - 1}`;
  return known?.etag === undefined ? { ...headers, range } : { ...headers, range, 'if-range': known.etag };
}

/**
 * What an answer means. A range is `unfit` where nobody could tell whether a later one belongs to the same bytes: without a
 * strong validator only everything at once will do. An empty object has no first range either.
 */
export function judgeRange(
  response: ResponseHead,
  request: RangeAsk,
): RangePromise | RequestFailed | { kind: 'unfit' } {
  const { url, known, start, asksRange } = request;
  const status = response.statusCode ?? 0;
  const etag = strongEtag(response.headers.etag);
  const checksums = readChecksums(response.headers);
  if (status === 200 && known === undefined) {
    const sizeBytes = readLength(response.headers['content-length']);
    return { kind: 'body', facts: { etag, sizeBytes, checksums }, bytes: sizeBytes, whole: true };
  }
  if (status === 416 && known === undefined && asksRange) return { kind: 'unfit' };
  if (status === 206 && asksRange) {
    const range = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(response.headers['content-range'] ?? '');
    const [first, last] = [Number(range?.[1]), Number(range?.[2])];
    const sizeBytes = readLength(range?.[3]);
    const isSame =
      known === undefined || (known.sizeBytes === sizeBytes && (etag === undefined || etag === known.etag));
    if (first === start && last >= first && isSame) {
      // A range of an unknown whole is no beginning of anything.
      const validator = sizeBytes === undefined ? undefined : (known?.etag ?? etag);
      if (validator === undefined) return { kind: 'unfit' };
      const facts = { etag: validator, sizeBytes, checksums };
      return { kind: 'body', facts, bytes: last - first + 1, whole: false };
    }
  }
  if (status === 200 || status === 206 || status === 416) return toStale(response, request);
  const error = serializeError(toApiError(`GET ${toShownUrl(url)}`, { status }));
  if (status === 403 || status === 404 || status === 410) return { kind: 'urlExpired', error };
  if (status === 408 || status === 429 || status >= 500) {
    const { retryAfterMs } = readRetryHints(singleHeaders(response), Date.now());
    return { kind: 'transient', error, retryAfterMs };
  }
  return { kind: 'failed', error };
}

/** The object is not what it was, or is not given as it must be. */
function toStale(
  { statusCode = 0 }: ResponseHead,
  { url, start }: Pick<RangeRequest, 'url' | 'start'>,
): RequestFailed {
  const body = `instead of what it had from byte ${start}`;
  return {
    kind: 'stale',
    error: serializeError(toApiError(`GET ${toShownUrl(url)}`, { status: statusCode, body })),
  };
}

/** What a request that threw ended as; errors that are final are thrown on. */
export function toRequestFailed(error: unknown, url: string, signal: AbortSignal): RequestFailed {
  if (signal.aborted) return { kind: 'cancelled' };
  if (error instanceof DownloadError || error instanceof InvalidResponseError) throw error;
  return { kind: 'transient', error: serializeError(toNetworkError(error, `GET ${toShownUrl(url)}`)) };
}

/** The error for a body that ended before its announced length. */
export function toCutError(url: string, receivedBytes: number, bytes: number): ConnectionError {
  return new ConnectionError(`GET ${toShownUrl(url)} ended after ${receivedBytes} of ${bytes} bytes`);
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
