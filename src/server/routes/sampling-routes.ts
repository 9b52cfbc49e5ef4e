import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import {
  createSamplingSessionRequestSchema,
  joinSamplingSessionRequestSchema,
  sampleRequestSchema,
} from '../../types/sampling.ts';
import type { SamplerService } from '../services/sampler-service.ts';
import { samplerParams } from './parameters.ts';

/** Samplers, which the wire also calls sampling sessions (wire-protocol 2.17, 2.18, 2.34, 2.40). */
export const samplingRoutes: FastifyPluginCallbackZod<{ samplers: SamplerService }> = (
  app,
  { samplers },
  done,
) => {
  app.post(
    '/create_sampling_session',
    { schema: { body: createSamplingSessionRequestSchema } },
    async ({ body }) => ({
      type: 'create_sampling_session',
      ...(await samplers.create(body)),
    }),
  );

  app.post(
    '/join_sampling_session',
    { schema: { body: joinSamplingSessionRequestSchema } },
    async ({ body }) => ({
      type: 'join_sampling_session',
      client_counter: await samplers.join(body.sampling_session_id),
    }),
  );

  app.get('/samplers/:sampler', { schema: { params: samplerParams } }, ({ params }) =>
    samplers.get(params.sampler),
  );

  app.post('/asample', { schema: { body: sampleRequestSchema } }, ({ body }) => samplers.sample(body));

  done();
};
