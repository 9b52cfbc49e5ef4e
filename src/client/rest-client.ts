import { delay } from '../core/clock.ts';
import { withDeadline } from '../core/deadline.ts';
import { ClientClosedError, DownloadError, InvalidArgumentError } from '../core/errors.ts';
import { parseTinkerPath } from '../core/tinker-path.ts';
import type { ApiClient } from '../http/api-client.ts';
import {
  deleteCheckpoint,
  getArchiveUrl,
  listRunCheckpoints,
  listUserCheckpoints,
} from '../http/endpoints/checkpoints.ts';
import { getTrainingRun, listTrainingRuns } from '../http/endpoints/runs.ts';
import { getServerCapabilities } from '../http/endpoints/service.ts';
import { getSession, listSessions } from '../http/endpoints/sessions.ts';
import type { ClientLife, CloseOptions } from '../types/client-life.ts';
import type { ArchiveUrlResponse, Checkpoint } from '../types/checkpoints.ts';
import type { RequestOptions } from '../types/options.ts';
import type { AccessScope, TrainingRun } from '../types/runs.ts';
import type { ServerCapabilities } from '../types/service.ts';
import type { GetSessionResponse } from '../types/sessions.ts';
import { createPagePromise, type PagePromise } from './page.ts';

export interface ListOptions {
  /** Items per page. */
  limit?: number | undefined;
  /** Where to begin. */
  offset?: number | undefined;
}

export interface ScopeOptions {
  /** `owned` (default), or `accessible`: also what others shared. */
  access_scope?: AccessScope | undefined;
}

const archiveWaitMs = 30_000;
/** As long as the official client waits for an archive to be built. */
const archiveTotalMs = 180_000;

/** What the server keeps: runs, checkpoints, sessions. Needs no session of its own. */
export class RestClient {
  readonly #api: ApiClient;
  readonly #life: ClientLife;

  /** @internal `ServiceClient.createRestClient` makes REST clients. */
  static create(api: ApiClient, life: ClientLife): RestClient {
    return new RestClient(api, life);
  }

  private constructor(api: ApiClient, life: ClientLife) {
    this.#api = api;
    this.#life = life;
  }

  getServerCapabilities(options?: RequestOptions): Promise<ServerCapabilities> {
    return getServerCapabilities(this.#open(), options);
  }

  getSession(
    sessionId: string,
    query: ScopeOptions = {},
    options?: RequestOptions,
  ): Promise<GetSessionResponse> {
    return getSession(this.#open(), notEmpty('sessionId', sessionId), query, options);
  }

  /** Ids of sessions, newest first; 20 a page. */
  listSessions(query: ListOptions & ScopeOptions = {}, options?: RequestOptions): PagePromise<string> {
    const api = this.#open();
    const { limit = 20, offset = 0, access_scope } = checkList(query);
    return createPagePromise(
      async (from) => ({
        items: await listSessions(api, { limit, offset: from, access_scope }, options),
        totalCount: undefined,
      }),
      { limit, offset },
    );
  }

  /** Training runs, newest first; 20 a page. */
  listTrainingRuns(
    query: ListOptions & ScopeOptions & { project_id?: string | undefined } = {},
    options?: RequestOptions,
  ): PagePromise<TrainingRun> {
    const api = this.#open();
    const { limit = 20, offset = 0, access_scope, project_id } = checkList(query);
    return createPagePromise(
      async (from) => {
        const page = await listTrainingRuns(api, { limit, offset: from, access_scope, project_id }, options);
        return { items: page.training_runs, totalCount: page.cursor.total_count };
      },
      { limit, offset },
    );
  }

  getTrainingRun(runId: string, query: ScopeOptions = {}, options?: RequestOptions): Promise<TrainingRun> {
    return getTrainingRun(this.#open(), notEmpty('runId', runId), query, options);
  }

  /** All checkpoints of a run, of every type. The server gives them in one page. */
  listCheckpoints(runId: string, options?: RequestOptions): PagePromise<Checkpoint> {
    const api = this.#open();
    notEmpty('runId', runId);
    const fetchPage = async () => {
      const { checkpoints } = await listRunCheckpoints(api, runId, options);
      return { items: checkpoints, totalCount: checkpoints.length };
    };
    return createPagePromise(fetchPage, { limit: Number.POSITIVE_INFINITY, offset: 0 });
  }

  /** The caller's checkpoints over all runs, newest first; 100 a page. */
  listUserCheckpoints(query: ListOptions = {}, options?: RequestOptions): PagePromise<Checkpoint> {
    const api = this.#open();
    const { limit = 100, offset = 0 } = checkList(query);
    return createPagePromise(
      async (from) => {
        const page = await listUserCheckpoints(api, { limit, offset: from }, options);
        return { items: page.checkpoints, totalCount: page.cursor?.total_count };
      },
      { limit, offset },
    );
  }

  /**
   * A signed link to the archive of a checkpoint, for servers that build archives. Waits while it is built, three minutes
   * unless `timeoutMs` says otherwise, and then throws code `archive_pending`.
   */
  async getCheckpointArchiveUrl(
    tinkerPath: string,
    options: RequestOptions = {},
  ): Promise<ArchiveUrlResponse> {
    const api = this.#open();
    const path = parseTinkerPath(tinkerPath);
    const { clock, logger } = api.connection;
    const startedAt = clock.now();
    return withDeadline(`the archive of ${tinkerPath}`, options, clock, async (signal) => {
      for (;;) {
        const answer = await getArchiveUrl(api, path, { ...options, timeoutMs: undefined, signal });
        if (answer.kind === 'ready') return answer.archive;
        const waitMs = answer.retryAfterMs ?? archiveWaitMs;
        if (options.timeoutMs === undefined && clock.now() + waitMs - startedAt > archiveTotalMs) {
          throw new DownloadError('archive_pending', `the archive of ${tinkerPath} is still being built`);
        }
        logger.info(
          `the archive of ${tinkerPath} is being built; asking again in ${Math.round(waitMs / 1000)} s`,
        );
        await delay(waitMs, clock, signal);
      }
    });
  }

  /** Deletes a checkpoint for good. */
  async deleteCheckpoint(tinkerPath: string, options?: RequestOptions): Promise<void> {
    await deleteCheckpoint(this.#open(), parseTinkerPath(tinkerPath), options);
  }

  close(options?: CloseOptions): Promise<void> {
    return this.#life.close(options);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #open(): ApiClient {
    if (!this.#life.isOpen) throw new ClientClosedError('this REST client is closed');
    return this.#api;
  }
}

function notEmpty(name: string, value: string): string {
  if (value === '') throw new InvalidArgumentError(`${name} must not be empty`);
  return value;
}

function checkList<Query extends ListOptions>(query: Query): Query {
  for (const name of ['limit', 'offset'] as const) {
    const value = query[name];
    if (value !== undefined && (!Number.isInteger(value) || value < (name === 'limit' ? 1 : 0))) {
      throw new InvalidArgumentError(
        `${name} must be ${name === 'limit' ? 'a positive' : 'no negative'} integer, and is ${value}`,
      );
    }
  }
  return query;
}
