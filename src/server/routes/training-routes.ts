import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { optimStepRequestSchema } from '../../types/training.ts';
import {
  loadWeightsRequestSchema,
  saveWeightsExternalRequestSchema,
  saveWeightsForSamplerRequestSchema,
  saveWeightsRequestSchema,
} from '../../types/weights.ts';
import type { Access } from '../authentication.ts';
import type { ModelService } from '../services/model-service.ts';
import type { TrainingService } from '../services/training-service.ts';
import { readAddress } from '../wire/address.ts';
import { forwardJsonSchema, fromForwardJson } from '../wire/training-request-json.ts';
import { forwardBackwardBodySchema, toTrainingRequest } from '../wire/forward-backward-body.ts';

interface Services {
  training: TrainingService;
  models: ModelService;
  access: Access;
}

/** The operations of a model that run in the order of their `seq_id` (wire-protocol 2.12 to 2.16). */
export const trainingRoutes: FastifyPluginCallbackZod<Services> = (
  app,
  { training, models, access },
  done,
) => {
  // A refused request counts as taken, so that what was sent after it need not wait for a number that never comes.
  app.addHook('onSend', async ({ body }, reply) => {
    if (!refusals.has(reply.statusCode)) return;
    const address = readAddress(body);
    if (address !== undefined) models.refuse(address.modelId, address.seqId);
  });

  app.post('/forward_backward', { schema: { body: forwardBackwardBodySchema } }, ({ body }) =>
    training.forwardBackward(toTrainingRequest(body)),
  );

  app.post('/forward', { schema: { body: forwardJsonSchema } }, ({ body }) =>
    training.forwardBackward(fromForwardJson(body)),
  );

  app.post('/optim_step', { schema: { body: optimStepRequestSchema } }, ({ body }) =>
    training.optimStep(body),
  );

  app.post('/save_weights', { schema: { body: saveWeightsRequestSchema } }, ({ body }) =>
    training.saveWeights(body),
  );

  app.post(
    '/save_weights_for_sampler',
    { schema: { body: saveWeightsForSamplerRequestSchema } },
    ({ body }) => training.saveWeightsForSampler(body),
  );

  app.post('/save_weights_external', { schema: { body: saveWeightsExternalRequestSchema } }, ({ body }) =>
    training.saveWeightsExternal(body),
  );

  app.post('/load_weights', { schema: { body: loadWeightsRequestSchema } }, ({ body }) => {
    if (body.weights_access_token != null) access.checkWeightsToken(body.weights_access_token);
    return training.loadWeights(body);
  });

  done();
};

/** Answers after which a client does not send the same request again. */
const refusals = new Set([400, 403, 404, 410, 413, 415, 422]);
