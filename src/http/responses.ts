import { toApiError, type ApiError } from '../core/api-errors.ts';
import type { HttpResponse } from './transport.ts';

/** The parsed body, or undefined when it is no JSON. */
export function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8'));
  } catch {
    return undefined;
  }
}

/** The error for a response that is not 2xx, with the server's own words. */
export function toStatusError(
  what: string,
  { status, body }: HttpResponse,
  secrets: readonly string[] = [],
): ApiError {
  const text = Buffer.from(body);
  const shown = secrets.reduce(
    (sofar, secret) => sofar.replaceAll(secret, '[secret]'),
    text.toString('utf8'),
  );
  return toApiError(what, { status, body: parseJson(Buffer.from(shown)) ?? shown });
}
