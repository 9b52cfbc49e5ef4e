import type http from 'node:http';
import fastify, { type FastifyInstance } from 'fastify';
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod';
import { AccessTokens } from './access-tokens.ts';
import { Access, addAuthentication } from './authentication.ts';
import { addBodyParsers } from './body.ts';
import { addErrorReplies, replyUnroutable } from './error-replies.ts';
import { addFaultHooks } from './fault-hooks.ts';
import type { FaultList } from './faults.ts';
import type { ResolvedOptions } from './options.ts';
import { apiPrefix, withoutBasePath } from './prefix.ts';
import { addTracing } from './trace-hooks.ts';
import { answerUnreadable } from './unreadable-requests.ts';
import { addRequestRecord, type RecordedRequest } from './request-record.ts';
import { adminRoutes } from './routes/admin-routes.ts';
import { archiveRoutes } from './routes/archive-routes.ts';
import { checkpointRoutes } from './routes/checkpoint-routes.ts';
import { externalWeightsRoutes } from './routes/external-weights-routes.ts';
import { futureRoutes } from './routes/future-routes.ts';
import { hubRoutes } from './routes/hub-routes.ts';
import { keyRoutes } from './routes/key-routes.ts';
import { modelRoutes } from './routes/model-routes.ts';
import { samplingRoutes } from './routes/sampling-routes.ts';
import { serviceRoutes } from './routes/service-routes.ts';
import { sessionRoutes } from './routes/session-routes.ts';
import { tokenRoutes } from './routes/token-routes.ts';
import { traceRoutes } from './routes/trace-routes.ts';
import { trainingRoutes } from './routes/training-routes.ts';
import { trainingRunRoutes } from './routes/training-run-routes.ts';
import { uploadRoutes } from './routes/upload-routes.ts';
import type { Services } from './services/services.ts';
import type { Store } from './store/store.ts';

export interface AppParts {
  options: ResolvedOptions;
  store: Store;
  services: Services;
  faults: FaultList;
  requests: RecordedRequest[];
}

/** Ids and names in paths are longer than the router's default allows. */
const maxParamLength = 512;

/** Node does not give up a slow body while the headers alone may take longer. */
function toTimeouts(requestTimeout: number): http.ServerOptions {
  const headersTimeout = Math.min(60_000, requestTimeout);
  return { requestTimeout, headersTimeout, connectionsCheckingInterval: headersTimeout / 2 };
}

/** The HTTP side: hooks that see every request, then one plugin per resource. */
export function createApp({ options, store, services, faults, requests }: AppParts): FastifyInstance {
  const app = fastify({
    bodyLimit: options.maxBodyBytes,
    requestTimeout: options.requestTimeoutMs,
    http: toTimeouts(options.requestTimeoutMs),
    routerOptions: { maxParamLength, ignoreTrailingSlash: true },
    rewriteUrl: ({ url = '/' }) => withoutBasePath(url),
    frameworkErrors: replyUnroutable,
    clientErrorHandler: answerUnreadable,
  });
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  addBodyParsers(app, options.maxBodyBytes);
  addErrorReplies(app, options);
  addRequestRecord(app, requests);
  addTracing(app, services.traces);
  const { apiKey, tokenExchange } = options;
  const tokens = tokenExchange && new AccessTokens(options.clock, tokenExchange.lifetimeSec);
  const access = new Access({ apiKey, tokens });
  addAuthentication(app, access);
  addFaultHooks(app, faults, options.clock);

  app.register(
    async (api) => {
      const { clock, holdMs, signedUrlLifetimeMs, metadataOnlyBytes, compressRequests } = options;
      api.register(serviceRoutes, {
        engine: services.engine,
        compressRequests,
        exchangesTokens: tokens !== undefined,
      });
      if (tokens !== undefined) api.register(tokenRoutes, { tokens });
      api.register(keyRoutes, { ...services, access });
      api.register(adminRoutes, services);
      api.register(sessionRoutes, services);
      api.register(modelRoutes, services);
      api.register(trainingRoutes, { ...services, access });
      api.register(samplingRoutes, services);
      api.register(futureRoutes, {
        futures: services.futures,
        samplers: services.samplers,
        boots: store.boots,
        holdMs,
        metadataOnlyBytes,
      });
      api.register(trainingRunRoutes, services);
      api.register(checkpointRoutes, { ...services, access });
      api.register(archiveRoutes, { ...services, clock, signedUrlLifetimeMs });
      api.register(traceRoutes, { ...services, clock });
      api.register(uploadRoutes, { ...services, clock });
      api.register(externalWeightsRoutes, { ...services, clock, signedUrlLifetimeMs });
    },
    { prefix: apiPrefix },
  );
  app.register(hubRoutes, services);
  return app;
}
