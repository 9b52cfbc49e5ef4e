import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import {
  createModelRequestSchema,
  getInfoRequestSchema,
  unloadModelRequestSchema,
} from '../../types/training.ts';
import { HttpError } from '../errors.ts';
import type { ModelService } from '../services/model-service.ts';

/** Models: LoRA adapters in memory (wire-protocol 2.9 to 2.11). */
export const modelRoutes: FastifyPluginCallbackZod<{ models: ModelService }> = (app, { models }, done) => {
  app.post('/create_model', { schema: { body: createModelRequestSchema } }, ({ body }) => {
    const { session_id, model_seq_id, base_model, lora_config } = body;
    if (lora_config == null)
      throw new HttpError(422, 'create_model needs lora_config: this server trains only LoRA adapters');
    return models.create({
      session_id,
      model_seq_id,
      base_model,
      lora_config,
      optimizer_config: body.optimizer_config ?? { type: 'adamw' },
      user_metadata: body.user_metadata ?? {},
    });
  });

  app.post('/get_info', { schema: { body: getInfoRequestSchema } }, ({ body }) => models.info(body.model_id));

  app.post('/unload_model', { schema: { body: unloadModelRequestSchema } }, ({ body }) =>
    models.unload(body.model_id),
  );

  done();
};
