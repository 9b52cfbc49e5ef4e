import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Clock } from '../../core/clock.ts';
import { listExternalFiles, requireExternalFile } from '../archive/external-files.ts';
import type { UrlSigner } from '../archive/signed-url.ts';
import { HttpError } from '../errors.ts';
import type { CheckpointService } from '../services/checkpoint-service.ts';
import { checkpointParams, ofCheckpoint } from './parameters.ts';
import { checkSignature, sendFile, signedQuery, toSignedUrl } from './signed-files.ts';

interface Services {
  checkpoints: CheckpointService;
  signer: UrlSigner;
  clock: Clock;
  signedUrlLifetimeMs: number;
}

const fileParams = z.object({ run: z.string(), name: z.string(), '*': z.string() });

/** Exports: one signed URL for each file, and what that serves (wire-protocol 2.44). */
export const externalWeightsRoutes: FastifyPluginCallbackZod<Services> = (app, services, done) => {
  const { checkpoints, signer, clock, signedUrlLifetimeMs } = services;

  app.get(
    `${ofCheckpoint}/external_weights_urls`,
    { schema: { params: checkpointParams } },
    async (request) => {
      const { run_id, kind, name } = request.params;
      if (kind !== 'external_weights') {
        throw new HttpError(
          400,
          `${kind}/${name} is not an export: save_weights_external makes one, which can be downloaded`,
        );
      }
      const files = await checkpoints.read(request.params, 'download', listExternalFiles);
      const expiresAt = clock.now() + signedUrlLifetimeMs;
      return {
        urls: Object.fromEntries(
          files.map((file) => [
            file,
            toSignedUrl(request, signer, toFilePath(run_id, name, file), expiresAt),
          ]),
        ),
        expires: new Date(expiresAt).toISOString(),
      };
    },
  );

  app.route({
    method: ['GET', 'HEAD'],
    url: '/external_weights/:run/:name/*',
    config: { credential: 'none' },
    schema: { params: fileParams, querystring: signedQuery },
    handler: async (request, reply) => {
      const { run, name, '*': file } = request.params;
      checkSignature(signer, toFilePath(run, name, file), request.query, clock.now());
      const checkpoint = checkpoints.require({ run_id: run, kind: 'external_weights', name });
      return sendFile(request, reply, await requireExternalFile(checkpoint, file));
    },
  });

  done();
};

/** What is signed: so a URL is good for one file only. */
function toFilePath(run: string, name: string, file: string): string {
  return `/external_weights/${encodeURIComponent(run)}/${encodeURIComponent(name)}/${encodeURIComponent(file)}`;
}
