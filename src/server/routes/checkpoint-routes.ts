import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { setTtlRequestSchema } from '../../types/checkpoints.ts';
import { copyWeightsRequestSchema, weightsInfoRequestSchema } from '../../types/weights.ts';
import type { Access } from '../authentication.ts';
import { toCheckpointKey } from '../checkpoint-path.ts';
import { kindsKnownTo } from '../older-clients.ts';
import type { CheckpointService } from '../services/checkpoint-service.ts';
import type { CopyService } from '../services/copy-service.ts';
import { checkpointParams, ofCheckpoint, pageOf } from './parameters.ts';

interface Services {
  checkpoints: CheckpointService;
  copies: CopyService;
  access: Access;
}

/** Checkpoints across runs, and what can be done with one (wire-protocol 2.24 to 2.29, 2.42). */
export const checkpointRoutes: FastifyPluginCallbackZod<Services> = (
  app,
  { checkpoints, copies, access },
  done,
) => {
  app.get('/checkpoints', { schema: { querystring: pageOf(100) } }, ({ query, headers }) => {
    const { limit, offset } = query;
    const page = checkpoints.list(limit, offset, kindsKnownTo(headers['user-agent']));
    return { checkpoints: page.checkpoints, cursor: { offset, limit, total_count: page.totalCount } };
  });

  app.delete(ofCheckpoint, { schema: { params: checkpointParams } }, async ({ params }, reply) => {
    await checkpoints.delete(params);
    return reply.status(204).send();
  });

  // Publishing twice succeeds, since clients take a 409 for a passing trouble and repeat it for minutes (11.5).
  app.post(`${ofCheckpoint}/publish`, { schema: { params: checkpointParams } }, async ({ params }, reply) => {
    checkpoints.setPublic(params, true);
    return reply.status(204).send();
  });

  app.delete(
    `${ofCheckpoint}/publish`,
    { schema: { params: checkpointParams } },
    async ({ params }, reply) => {
      checkpoints.setPublic(params, false);
      return reply.status(204).send();
    },
  );

  app.put(
    `${ofCheckpoint}/ttl`,
    { schema: { params: checkpointParams, body: setTtlRequestSchema } },
    async ({ params, body }, reply) => {
      checkpoints.setTtl(params, body.ttl_seconds);
      return reply.status(204).send();
    },
  );

  app.post('/copy_weights', { schema: { body: copyWeightsRequestSchema } }, async ({ body, headers }) => {
    const { 'x-tinker-weights-access-token': header, 'x-idempotency-key': idempotencyKey } = headers;
    const token = typeof header === 'string' ? header : body.weights_access_token;
    if (token != null) access.checkWeightsToken(token);
    const tinker_path = await copies.copy(
      body,
      typeof idempotencyKey === 'string' ? idempotencyKey : undefined,
    );
    return { tinker_path };
  });

  app.post('/weights_info', { schema: { body: weightsInfoRequestSchema } }, ({ body }) => {
    const { base_model, optimizer_config, lora_config } = checkpoints.require(
      toCheckpointKey(body.tinker_path),
    );
    const { rank, train_unembed, train_mlp, train_attn } = lora_config;
    return {
      base_model,
      optimizer_config,
      is_lora: true,
      lora_rank: rank,
      train_unembed,
      train_mlp,
      train_attn,
    };
  });

  done();
};
