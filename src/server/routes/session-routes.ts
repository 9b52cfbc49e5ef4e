import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import {
  assignProjectRequestSchema,
  createSessionRequestSchema,
  finishSessionRequestSchema,
  searchSessionsRequestSchema,
  sessionHeartbeatRequestSchema,
} from '../../types/sessions.ts';
import { HttpError } from '../errors.ts';
import type { SessionSearch } from '../services/session-search.ts';
import type { SessionService } from '../services/session-service.ts';
import { pageOf, sessionParams } from './parameters.ts';

interface Services {
  sessions: SessionService;
  sessionSearch: SessionSearch;
}

/** Sessions: one per program that trains or samples (wire-protocol 8). */
export const sessionRoutes: FastifyPluginCallbackZod<Services> = (app, { sessions, sessionSearch }, done) => {
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

  app.post('/sessions/search', { schema: { body: searchSessionsRequestSchema } }, ({ body }) =>
    sessionSearch.search(body),
  );

  app.put(
    '/sessions/:session/project',
    { schema: { params: sessionParams, body: assignProjectRequestSchema } },
    async ({ params, body }, reply) => {
      if (!body.project_id)
        throw new HttpError(400, 'project_id is missing: a session cannot be without a project');
      sessions.assignProject(params.session, body.project_id);
      return reply.status(204).send();
    },
  );

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
