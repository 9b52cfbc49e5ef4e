import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import {
  createSessionRequestSchema,
  finishSessionRequestSchema,
  sessionHeartbeatRequestSchema,
} from '../../types/sessions.ts';
import type { SessionService } from '../services/session-service.ts';
import { pageOf, sessionParams } from './parameters.ts';

/** Sessions: one per program that trains or samples (wire-protocol 8). */
export const sessionRoutes: FastifyPluginCallbackZod<{ sessions: SessionService }> = (
  app,
  { sessions },
  done,
) => {
  app.post('/create_session', { schema: { body: createSessionRequestSchema } }, ({ body, headers }) => {
    const idempotencyKey = headers['x-idempotency-key'];
    const created = sessions.create(body, typeof idempotencyKey === 'string' ? idempotencyKey : undefined);
    return { type: 'create_session', ...created };
  });

  app.post('/session_heartbeat', { schema: { body: sessionHeartbeatRequestSchema } }, ({ body }) => {
    sessions.requireActive(body.session_id);
    return { type: 'session_heartbeat' };
  });

  app.get('/sessions', { schema: { querystring: pageOf(20) } }, ({ query }) => ({
    sessions: sessions.list(query.limit, query.offset),
  }));

  app.get('/sessions/:session', { schema: { params: sessionParams } }, ({ params }) =>
    sessions.get(params.session),
  );

  app.post(
    '/sessions/:session/finish',
    { schema: { params: sessionParams, body: finishSessionRequestSchema } },
    async ({ params, body }, reply) => {
      sessions.finish(params.session, body.reason.type, body.detail ?? null);
      return reply.status(204).send();
    },
  );

  done();
};
