import { createReadStream } from 'node:fs';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Clock } from '../../core/clock.ts';
import type { Archive } from '../archive/archive-builder.ts';
import type { ArchiveService } from '../archive/archive-service.ts';
import { isRangeStillValid, parseRange } from '../archive/ranges.ts';
import type { UrlSigner } from '../archive/signed-url.ts';
import { HttpError } from '../errors.ts';
import { apiPrefix } from '../prefix.ts';
import type { CheckpointKey } from '../store/checkpoint-store.ts';
import { checkpointParams, ofCheckpoint } from './parameters.ts';

interface Services {
  archives: ArchiveService;
  signer: UrlSigner;
  clock: Clock;
  signedUrlLifetimeMs: number;
}

const signedQuery = z.object({ expires: z.string(), signature: z.string() });

/** Downloads: an address that redirects to a signed URL, and what that serves (wire-protocol 2.20). */
export const archiveRoutes: FastifyPluginCallbackZod<Services> = (app, services, done) => {
  const { archives, signer, clock, signedUrlLifetimeMs } = services;

  app.get(`${ofCheckpoint}/archive`, { schema: { params: checkpointParams } }, async (request, reply) => {
    await archives.require(request.params);
    const path = toArchivePath(request.params);
    const expiresAt = clock.now() + signedUrlLifetimeMs;
    return reply
      .status(302)
      .header('location', `${toPublicBase(request)}${path}?${signer.sign(path, expiresAt)}`)
      .header('expires', new Date(expiresAt).toUTCString())
      .send();
  });

  app.route({
    method: ['GET', 'HEAD'],
    url: '/archives/:run/:kind/:name',
    config: { open: true },
    schema: { params: checkpointParams, querystring: signedQuery },
    handler: async (request, reply) => {
      const { expires, signature } = request.query;
      const refusal = signer.refusal(toArchivePath(request.params), expires, signature, clock.now());
      if (refusal !== undefined) throw new HttpError(403, refusal);
      return sendArchive(request, reply, await archives.require(request.params));
    },
  });

  done();
};

/** What is signed: so a URL is good for one checkpoint only. */
function toArchivePath({ run_id, kind, name }: CheckpointKey): string {
  return `/archives/${encodeURIComponent(run_id)}/${kind}/${encodeURIComponent(name)}`;
}

/** Where the client found the API: its own host and whatever stands before `/api/v1`. */
function toPublicBase({ protocol, host, originalUrl }: FastifyRequest): string {
  return `${protocol}://${host}${originalUrl.slice(0, originalUrl.indexOf(apiPrefix))}${apiPrefix}`;
}

function sendArchive(request: FastifyRequest, reply: FastifyReply, archive: Archive): FastifyReply {
  const { path, sizeBytes, etag } = archive;
  reply.headers({ 'content-type': 'application/x-tar', 'accept-ranges': 'bytes', etag });
  const { range: rangeHeader, 'if-range': ifRange } = request.headers;
  const range = isRangeStillValid(ifRange, etag) ? parseRange(rangeHeader, sizeBytes) : undefined;
  if (range === 'unsatisfiable') {
    throw new HttpError(416, `The archive has ${sizeBytes} bytes`, {
      'content-range': `bytes */${sizeBytes}`,
    });
  }
  if (range !== undefined) {
    reply.status(206).header('content-range', `bytes ${range.start}-${range.end}/${sizeBytes}`);
  }
  const { start, end } = range ?? { start: 0, end: sizeBytes - 1 };
  reply.header('content-length', end - start + 1);
  return request.method === 'HEAD' ? reply.send() : reply.send(createReadStream(path, { start, end }));
}
