import type { FastifyInstance, FastifyRequest } from 'fastify';
import { sessionOf } from './names.ts';
import { apiPrefix } from './prefix.ts';
import type { TraceRecorder } from './trace-recorder.ts';

/** Records each request that belongs to a session, under the name of its route. */
export function addTracing(app: FastifyInstance, traces: TraceRecorder): void {
  app.addHook('preSerialization', (request, _reply, payload, done) => {
    const requestId = textOf(payload, 'request_id');
    const sessionId = requestId === undefined ? undefined : findSession(request, traces);
    if (requestId !== undefined && sessionId !== undefined) traces.remember(requestId, sessionId);
    done(null, payload);
  });

  app.addHook('onResponse', (request, reply, done) => {
    const sessionId = findSession(request, traces);
    if (sessionId !== undefined) {
      traces.add({
        sessionId,
        category: 'request',
        name: (request.routeOptions.url ?? '').slice(apiPrefix.length + 1),
        durationMs: reply.elapsedTime,
        details: { method: request.method, status: reply.statusCode, ...toDetails(request.body) },
      });
    }
    done();
  });
}

function findSession({ body, params }: FastifyRequest, traces: TraceRecorder): string | undefined {
  const sessionId = textOf(body, 'session_id') ?? textOf(params, 'session');
  if (sessionId !== undefined) return sessionId;
  const id =
    textOf(body, 'model_id') ??
    textOf(body, 'modelId') ??
    textOf(body, 'sampling_session_id') ??
    textOf(params, 'run') ??
    textOf(params, 'sampler');
  if (id !== undefined) return sessionOf(id);
  const requestId = textOf(body, 'request_id');
  return requestId === undefined ? undefined : traces.sessionOfRequest(requestId);
}

/** What tells requests of one kind apart. */
function toDetails(body: unknown): Record<string, unknown> {
  const seqId = valueOf(body, 'seq_id') ?? valueOf(body, 'seqId');
  return {
    model_id: textOf(body, 'model_id') ?? textOf(body, 'modelId'),
    sampling_session_id: textOf(body, 'sampling_session_id'),
    request_id: textOf(body, 'request_id'),
    seq_id: typeof seqId === 'bigint' ? String(seqId) : seqId,
  };
}

function textOf(object: unknown, name: string): string | undefined {
  const value = valueOf(object, name);
  return typeof value === 'string' ? value : undefined;
}

function valueOf(object: unknown, name: string): unknown {
  return typeof object === 'object' && object !== null ? Reflect.get(object, name) : undefined;
}
