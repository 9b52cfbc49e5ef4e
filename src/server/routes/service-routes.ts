import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { handshakeRequestSchema } from '../../types/service.ts';
import type { EngineAccess } from '../engine-access.ts';

interface Services {
  engine: EngineAccess;
  /** Asks for forward_backward compressed by zstd. */
  compressRequests: boolean;
  exchangesTokens: boolean;
}

/** What a client asks before anything else (wire-protocol 12.2). */
export const serviceRoutes: FastifyPluginCallbackZod<Services> = (app, options, done) => {
  const { engine, compressRequests, exchangesTokens } = options;
  app.post(
    '/client/config',
    { config: { credential: 'key' }, schema: { body: handshakeRequestSchema } },
    () => ({
      pjwt_auth_enabled: exchangesTokens,
      proto_compress_fwdbwd: compressRequests,
      sample_use_retrieve_futures: true,
      sample_join_sampling_session: true,
      // The next three are for older clients: create from a checkpoint in one step, send protobuf, forward by it.
      create_model_via_load_weights: true,
      proto_write_fwdbwd: true,
      fwd_via_fwdbwd: true,
    }),
  );

  app.post('/client/dynamic_config', { schema: { body: handshakeRequestSchema } }, () => ({
    refresh_interval_sec: 300,
    sample_cancel_enabled: true,
    sample_cancel_max_batch_size: 64,
  }));

  // Events of clients are for their makers; nothing of them is kept.
  app.post('/telemetry', () => ({ status: 'accepted' }));

  app.get('/healthz', { config: { credential: 'either' } }, () => ({ status: 'ok' }));

  app.get('/get_server_capabilities', async () => {
    const models = await engine.models();
    return {
      supported_models: models.map(({ name, maxContextLength, aliasOf }) => ({
        model_name: name,
        max_context_length: maxContextLength,
        trainable: true,
        sampleable: true,
        // Clients ignore what they do not know; whoever looks sees what the model really is.
        ...(aliasOf === undefined ? {} : { alias_of: aliasOf }),
      })),
    };
  });

  done();
};
