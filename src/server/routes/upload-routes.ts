import type { Readable } from 'node:stream';
import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Clock } from '../../core/clock.ts';
import { finishUploadRequestSchema, startUploadRequestSchema } from '../../types/weights.ts';
import type { UrlSigner } from '../archive/signed-url.ts';
import { uploadedFiles, type UploadService } from '../services/upload-service.ts';
import { checkSignature, signedQuery, toSignedUrl } from './signed-files.ts';

interface Services {
  uploads: UploadService;
  signer: UrlSigner;
  clock: Clock;
}

const fileParams = z.object({ upload: z.string(), file: z.enum(uploadedFiles) });

/** Uploads of weights: a start, a PUT for each file, a finish (wire-protocol 14, 0.39.0). */
export const uploadRoutes: FastifyPluginCallbackZod<Services> = (app, { uploads, signer, clock }, done) => {
  app.post(
    '/external_weights_upload_start',
    { schema: { body: startUploadRequestSchema } },
    async (request) => {
      const { id, expiresAt } = await uploads.start(request.body);
      return {
        upload_id: id,
        urls: Object.fromEntries(
          uploadedFiles.map((file) => [file, toSignedUrl(request, signer, toPath(id, file), expiresAt)]),
        ),
        expires: new Date(expiresAt).toISOString(),
      };
    },
  );

  app.post(
    '/external_weights_upload_finish',
    { schema: { body: finishUploadRequestSchema } },
    async ({ body }) => ({ tinker_path: await uploads.finish(body.upload_id) }),
  );

  // A file comes as it is, whatever its content type says.
  app.register((files, _options, registered) => {
    files.removeAllContentTypeParsers();
    files.addContentTypeParser('*', (_request, payload, parsed) => parsed(null, payload));
    files.put(
      '/external_weights_uploads/:upload/:file',
      { config: { credential: 'none' }, schema: { params: fileParams, querystring: signedQuery } },
      async ({ params, query, body }, reply) => {
        const { upload, file } = fileParams.parse(params);
        checkSignature(signer, toPath(upload, file), signedQuery.parse(query), clock.now());
        await uploads.receive(upload, file, body as Readable);
        return reply.status(204).send();
      },
    );
    registered();
  });

  done();
};

function toPath(upload: string, file: string): string {
  return `/external_weights_uploads/${encodeURIComponent(upload)}/${file}`;
}
