import { noRetries } from '../../core/retry-policy.ts';
import type { RequestOptions } from '../../types/options.ts';
import {
  sessionSearchResponseSchema,
  type SessionSearchInput,
  type SessionSearchResponse,
} from '../../types/session-search.ts';
import type { AccessScope } from '../../types/runs.ts';
import {
  createSessionResponseSchema,
  getSessionResponseSchema,
  listSessionsResponseSchema,
  traceExportResponseSchema,
  type CreateSessionRequest,
  type CreateSessionResponse,
  type FinishReason,
  type GetSessionResponse,
  type TraceExportResponse,
} from '../../types/sessions.ts';
import { pathSegment } from '../addresses.ts';
import type { ApiClient } from '../api-client.ts';

export function createSession(
  api: ApiClient,
  request: CreateSessionRequest,
  options?: RequestOptions,
): Promise<CreateSessionResponse> {
  const json = { ...request, type: 'create_session' };
  return api.json({ method: 'POST', path: '/create_session', json }, createSessionResponseSchema, options);
}

/** Tells the server that the program lives. Sent once; the session's own rhythm is the retry. */
export async function sendHeartbeat(
  api: ApiClient,
  session_id: string,
  options?: RequestOptions,
): Promise<void> {
  const json = { session_id, type: 'session_heartbeat' };
  const request = {
    method: 'POST',
    path: '/session_heartbeat',
    json,
    retries: noRetries,
    requestTimeoutMs: 10_000,
  } as const;
  await api.send(request, options);
}

/** Ends the session: frees its models and samplers. The first reason wins. */
export async function finishSession(
  api: ApiClient,
  sessionId: string,
  reason: FinishReason,
  detail: string | null,
  options?: RequestOptions,
): Promise<void> {
  const json = { reason: { type: reason }, detail };
  await api.send({ method: 'POST', path: `/sessions/${pathSegment(sessionId)}/finish`, json }, options);
}

export function getSession(
  api: ApiClient,
  sessionId: string,
  query: { access_scope?: AccessScope | undefined },
  options?: RequestOptions,
): Promise<GetSessionResponse> {
  return api.json(
    { method: 'GET', path: `/sessions/${pathSegment(sessionId)}`, query },
    getSessionResponseSchema,
    options,
  );
}

export async function listSessions(
  api: ApiClient,
  query: { limit: number; offset: number; access_scope?: AccessScope | undefined },
  options?: RequestOptions,
): Promise<string[]> {
  const { sessions } = await api.json(
    { method: 'GET', path: '/sessions', query },
    listSessionsResponseSchema,
    options,
  );
  return sessions;
}

export async function assignSessionProject(
  api: ApiClient,
  sessionId: string,
  project_id: string,
  options?: RequestOptions,
): Promise<void> {
  const path = `/sessions/${pathSegment(sessionId)}/project`;
  await api.send({ method: 'PUT', path, json: { project_id } }, options);
}

/** Asks how the export stands; the first question starts it. */
export function getTraceExport(
  api: ApiClient,
  sessionId: string,
  options?: RequestOptions,
): Promise<TraceExportResponse> {
  const path = `/sessions/${pathSegment(sessionId)}/trace_export`;
  return api.json({ method: 'GET', path }, traceExportResponseSchema, options);
}

/** One page, newest first. */
export function searchSessions(
  api: ApiClient,
  search: SessionSearchInput,
  options?: RequestOptions,
): Promise<SessionSearchResponse> {
  const request = { method: 'POST', path: '/sessions/search', json: search } as const;
  return api.json(request, sessionSearchResponseSchema, options);
}
