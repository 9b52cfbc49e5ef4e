import { createReadStream } from 'node:fs';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { isRangeStillValid, parseRange } from '../archive/ranges.ts';
import type { UrlSigner } from '../archive/signed-url.ts';
import { HttpError } from '../errors.ts';
import { apiPrefix } from '../prefix.ts';

/** What a signed URL has behind its path. */
export const signedQuery = z.object({ expires: z.string(), signature: z.string() });

export interface SignedFile {
  path: string;
  sizeBytes: number;
  etag: string;
  contentType: string;
}

/** A URL of this server for whoever holds it, at the host and under the base path where the client found the API. */
export function toSignedUrl(
  { protocol, host, originalUrl }: FastifyRequest,
  signer: UrlSigner,
  path: string,
  expiresAt: number,
): string {
  const basePath = originalUrl.slice(0, originalUrl.indexOf(apiPrefix));
  return `${protocol}://${host}${basePath}${apiPrefix}${path}?${signer.sign(path, expiresAt)}`;
}

/** 403 for a URL that was not signed for `path`, or has expired. */
export function checkSignature(
  signer: UrlSigner,
  path: string,
  { expires, signature }: z.output<typeof signedQuery>,
  now: number,
): void {
  const refusal = signer.refusal(path, expires, signature, now);
  if (refusal !== undefined) throw new HttpError(403, refusal);
}

/** Answers with a file, or the range of it that is asked for. */
export function sendFile(request: FastifyRequest, reply: FastifyReply, file: SignedFile): FastifyReply {
  const { path, sizeBytes, etag, contentType } = file;
  reply.headers({ 'content-type': contentType, 'accept-ranges': 'bytes', etag });
  const { range: rangeHeader, 'if-range': ifRange } = request.headers;
  const range = isRangeStillValid(ifRange, etag) ? parseRange(rangeHeader, sizeBytes) : undefined;
  if (range === 'unsatisfiable') {
    throw new HttpError(416, `The file has ${sizeBytes} bytes`, { 'content-range': `bytes */${sizeBytes}` });
  }
  if (range !== undefined) {
    reply.status(206).header('content-range', `bytes ${range.start}-${range.end}/${sizeBytes}`);
  }
  const { start, end } = range ?? { start: 0, end: sizeBytes - 1 };
  reply.header('content-length', end - start + 1);
  if (request.method === 'HEAD') return reply.send();
  return reply.send(sizeBytes === 0 ? Buffer.alloc(0) : createReadStream(path, { start, end }));
}
