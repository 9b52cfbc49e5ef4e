import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import type { Clock } from '../../core/clock.ts';
import type { ArchiveService } from '../archive/archive-service.ts';
import type { UrlSigner } from '../archive/signed-url.ts';
import type { CheckpointKey } from '../store/checkpoint-store.ts';
import { checkpointParams, ofCheckpoint } from './parameters.ts';
import { checkSignature, sendFile, signedQuery, toSignedUrl } from './signed-files.ts';

interface Services {
  archives: ArchiveService;
  signer: UrlSigner;
  clock: Clock;
  signedUrlLifetimeMs: number;
}

/** Downloads: an address that redirects to a signed URL, and what that serves (wire-protocol 2.20). */
export const archiveRoutes: FastifyPluginCallbackZod<Services> = (app, services, done) => {
  const { archives, signer, clock, signedUrlLifetimeMs } = services;

  app.get(`${ofCheckpoint}/archive`, { schema: { params: checkpointParams } }, async (request, reply) => {
    await archives.require(request.params);
    const path = toArchivePath(request.params);
    const expiresAt = clock.now() + signedUrlLifetimeMs;
    return reply
      .status(302)
      .header('location', toSignedUrl(request, signer, path, expiresAt))
      .header('expires', new Date(expiresAt).toUTCString())
      .send();
  });

  app.route({
    method: ['GET', 'HEAD'],
    url: '/archives/:run/:kind/:name',
    config: { credential: 'none' },
    schema: { params: checkpointParams, querystring: signedQuery },
    handler: async (request, reply) => {
      checkSignature(signer, toArchivePath(request.params), request.query, clock.now());
      const archive = await archives.require(request.params);
      return sendFile(request, reply, { ...archive, contentType: 'application/x-tar' });
    },
  });

  done();
};

/** What is signed: so a URL is good for one checkpoint only. */
function toArchivePath({ run_id, kind, name }: CheckpointKey): string {
  return `/archives/${encodeURIComponent(run_id)}/${kind}/${encodeURIComponent(name)}`;
}
