import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { ModelHub } from '../model-hub.ts';

const fileParams = z.object({
  organization: z.string(),
  name: z.string(),
  revision: z.string(),
  '*': z.string(),
});

/** Tokenizer files under the paths of a model hub, so that tokenizers load without the network. */
export const hubRoutes: FastifyPluginCallbackZod<{ hub: ModelHub }> = (app, { hub }, done) => {
  app.get(
    '/:organization/:name/resolve/:revision/*',
    { config: { credential: 'either' }, schema: { params: fileParams } },
    async ({ params }, reply) => {
      const { content, etag, commit } = await hub.read(params.organization, params.name, params['*']);
      return reply
        .headers({ etag, 'x-repo-commit': commit })
        .type(params['*'].endsWith('.json') ? 'application/json' : 'application/octet-stream')
        .send(content);
    },
  );

  done();
};
