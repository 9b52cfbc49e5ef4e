import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Clock } from '../../core/clock.ts';
import type { UrlSigner } from '../archive/signed-url.ts';
import type { SessionService } from '../services/session-service.ts';
import { toTraceFile, type TraceRecorder } from '../trace-recorder.ts';
import { sessionParams } from './parameters.ts';
import { checkSignature, signedQuery, toSignedUrl } from './signed-files.ts';

interface Services {
  sessions: SessionService;
  traces: TraceRecorder;
  signer: UrlSigner;
  clock: Clock;
}

/** How long a trace's URL is good for: as at the hosted service. */
const lifetimeMs = 60 * 60_000;

const fileParams = z.object({ file: z.string().regex(/\.pftrace$/) });

/** What a session did and when, as a file for Perfetto (wire-protocol 2.33). It is ready as soon as it is asked for. */
export const traceRoutes: FastifyPluginCallbackZod<Services> = (app, services, done) => {
  const { sessions, traces, signer, clock } = services;

  app.get('/sessions/:session/trace_export', { schema: { params: sessionParams } }, (request) => {
    const { id, created_at } = sessions.require(request.params.session);
    if (created_at < traces.startedAt && traces.list(id).length === 0) {
      return {
        status: 'failed',
        error: `What session ${id} did was recorded in memory and was lost when the server restarted`,
      };
    }
    return { status: 'ready', url: toSignedUrl(request, signer, toPath(id), clock.now() + lifetimeMs) };
  });

  app.get(
    '/traces/:file',
    { config: { credential: 'none' }, schema: { params: fileParams, querystring: signedQuery } },
    (request, reply) => {
      const sessionId = request.params.file.slice(0, -'.pftrace'.length);
      checkSignature(signer, toPath(sessionId), request.query, clock.now());
      return reply
        .type('application/json')
        .send(toTraceFile(sessionId, traces.list(sessionId), traces.startedAt));
    },
  );

  done();
};

function toPath(sessionId: string): string {
  return `/traces/${encodeURIComponent(sessionId)}.pftrace`;
}
