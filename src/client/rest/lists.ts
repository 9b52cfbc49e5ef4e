import type { ApiClient } from '../../http/api-client.ts';
import { listRunCheckpoints, listUserCheckpoints } from '../../http/endpoints/checkpoints.ts';
import { listTrainingRuns } from '../../http/endpoints/runs.ts';
import { listSessions, searchSessions } from '../../http/endpoints/sessions.ts';
import type { Checkpoint } from '../../types/checkpoints.ts';
import type { RequestOptions } from '../../types/options.ts';
import type { TrainingRun } from '../../types/runs.ts';
import type { SessionSearchInput, SessionSummary } from '../../types/session-search.ts';
import { createCursorPages, createPagePromise, type PagePromise } from '../page.ts';
import { checkList, checkSearch, notEmpty, type ListOptions, type ScopeOptions } from './inputs.ts';

/** The lists of `RestClient`: input checked, and pages as they are asked for. */

export type RunListInput = ListOptions & ScopeOptions & { project_id?: string | undefined };

export function pagesOfSessions(
  api: ApiClient,
  query: ListOptions & ScopeOptions,
  sending: RequestOptions,
): PagePromise<string> {
  const { limit = 20, offset = 0, access_scope } = checkList('listSessions', query, ['access_scope']);
  const fetchPage = async (from: number) => ({
    items: await listSessions(api, { limit, offset: from, access_scope }, sending),
  });
  return createPagePromise(fetchPage, { limit, offset });
}

export function pagesOfFoundSessions(
  api: ApiClient,
  search: SessionSearchInput,
  sending: RequestOptions,
): PagePromise<SessionSummary> {
  const request = checkSearch(search);
  return createCursorPages(async (cursor) => {
    const page = await searchSessions(api, { ...request, cursor }, sending);
    return { items: page.sessions, next: page.next_cursor ?? undefined };
  }, request.cursor);
}

export function pagesOfRuns(
  api: ApiClient,
  query: RunListInput,
  sending: RequestOptions,
): PagePromise<TrainingRun> {
  const filters = checkList('listTrainingRuns', query, ['access_scope', 'project_id']);
  const { limit = 20, offset = 0, access_scope, project_id } = filters;
  const fetchPage = async (from: number) => {
    const page = await listTrainingRuns(api, { limit, offset: from, access_scope, project_id }, sending);
    return { items: page.training_runs, totalCount: page.cursor.total_count };
  };
  return createPagePromise(fetchPage, { limit, offset });
}

/** The server gives them in one page. */
export function pageOfRunCheckpoints(
  api: ApiClient,
  runId: string,
  sending: RequestOptions,
): PagePromise<Checkpoint> {
  notEmpty('runId', runId);
  const fetchPage = async () => {
    const { checkpoints } = await listRunCheckpoints(api, runId, sending);
    return { items: checkpoints, totalCount: checkpoints.length };
  };
  return createPagePromise(fetchPage, { limit: Number.POSITIVE_INFINITY, offset: 0 });
}

export function pagesOfUserCheckpoints(
  api: ApiClient,
  query: ListOptions,
  sending: RequestOptions,
): PagePromise<Checkpoint> {
  const { limit = 100, offset = 0 } = checkList('listUserCheckpoints', query);
  const fetchPage = async (from: number) => {
    const page = await listUserCheckpoints(api, { limit, offset: from }, sending);
    return { items: page.checkpoints, totalCount: page.cursor?.total_count };
  };
  return createPagePromise(fetchPage, { limit, offset });
}
