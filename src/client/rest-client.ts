import { checkOptionNames } from '../core/config.ts';
import { ClientClosedError } from '../core/errors.ts';
import { withDeadline } from '../core/deadline.ts';
import { attributed } from '../core/sdk-method.ts';
import { parseTinkerPath } from '../core/tinker-path.ts';
import type { ApiClient } from '../http/api-client.ts';
import type { Authenticator } from '../http/auth/authenticator.ts';
import { getSelfApiKey, revokeSelfApiKey } from '../http/endpoints/api-keys.ts';
import {
  deleteCheckpoint,
  publishCheckpoint,
  setCheckpointTtl,
  unpublishCheckpoint,
} from '../http/endpoints/checkpoints.ts';
import { getTrainingRun } from '../http/endpoints/runs.ts';
import { getSampler } from '../http/endpoints/samplers.ts';
import { getHealth, getServerCapabilities } from '../http/endpoints/service.ts';
import { assignSessionProject, getSession } from '../http/endpoints/sessions.ts';
import {
  copyWeights,
  finishExternalWeightsUpload,
  getExternalWeightsUrls,
  getWeightsInfo,
  startExternalWeightsUpload,
} from '../http/endpoints/weights.ts';
import type { ClientLife, CloseOptions } from '../types/client-life.ts';
import type { ArchiveUrlResponse, Checkpoint, ExternalWeightsUrlsResponse } from '../types/checkpoints.ts';
import type { SelfApiKeyResponse, WhoamiResponse } from '../types/credentials.ts';
import type { RequestOptions } from '../types/options.ts';
import type { TrainingRun } from '../types/runs.ts';
import type { GetSamplerResponse } from '../types/sampling.ts';
import type { ServerCapabilities, ServerHealth } from '../types/service.ts';
import type { SessionSearchInput, SessionSummary } from '../types/session-search.ts';
import type { GetSessionResponse } from '../types/sessions.ts';
import type {
  CopyWeightsResponse,
  ExternalWeightsUploadInput,
  ExternalWeightsUploadStartResponse,
  WeightsInfoResponse,
} from '../types/weights.ts';
import type { PagePromise } from './page.ts';
import { waitForArchiveUrl } from './rest/archive-url.ts';
import {
  checkUpload,
  notEmpty,
  parseExternalPath,
  toCopyRequest,
  type CopyWeightsInput,
  type ListOptions,
  type ScopeOptions,
} from './rest/inputs.ts';
import {
  pageOfRunCheckpoints,
  pagesOfFoundSessions,
  pagesOfRuns,
  pagesOfSessions,
  pagesOfUserCheckpoints,
  type RunListInput,
} from './rest/lists.ts';
import { fetchTrace, waitForTrace } from './rest/trace-export.ts';
import { readIdentity } from './rest/whoami.ts';
import { checkNewTtl } from './ttl.ts';

/** @internal */
export interface RestClientParts {
  api: ApiClient;
  life: ClientLife;
  authenticator: Authenticator;
  /** Where copies go when the caller does not say. */
  projectId: string | undefined;
}

/**
 * What the server keeps: runs, checkpoints, sessions, samplers. Needs no session of its own. The search for checkpoints that is
 * announced for SDK 0.39 is not here: its path is not known.
 */
export class RestClient {
  readonly #parts: RestClientParts;

  /** @internal `ServiceClient.createRestClient` makes REST clients. */
  static create(parts: RestClientParts): RestClient {
    return new RestClient(parts);
  }

  private constructor(parts: RestClientParts) {
    this.#parts = parts;
  }

  /** Which models the server offers. */
  async getServerCapabilities(options?: RequestOptions): Promise<ServerCapabilities> {
    return getServerCapabilities(...this.#begin('getServerCapabilities', options));
  }

  /** Whether the server is up, and what its clock says. */
  async getHealth(options?: RequestOptions): Promise<ServerHealth> {
    return getHealth(...this.#begin('getHealth', options));
  }

  /** Who the key belongs to, by the token that the server gave in exchange for it. Asks nothing. */
  async whoami(options?: RequestOptions): Promise<WhoamiResponse> {
    const [api, sending] = this.#begin('whoami', options);
    return readIdentity(this.#parts.authenticator, api.connection.clock, sending);
  }

  /** What the server knows of the key itself: its name, and whose it is. */
  async getSelfApiKey(options?: RequestOptions): Promise<SelfApiKeyResponse> {
    const [api, sending] = this.#begin('getSelfApiKey', options);
    return this.#withKey(sending, (key, own) => getSelfApiKey(api, key, own));
  }

  /** Ends the key that this client uses, for good: nothing more can be asked with it. */
  async revokeSelfApiKey(options?: RequestOptions): Promise<void> {
    const [api, sending] = this.#begin('revokeSelfApiKey', options);
    await this.#withKey(sending, (key, own) => revokeSelfApiKey(api, key, own));
  }

  /** The runs and samplers of a session, its metadata and its display name. */
  async getSession(
    sessionId: string,
    query: ScopeOptions = {},
    options?: RequestOptions,
  ): Promise<GetSessionResponse> {
    checkOptionNames('getSession', query, ['access_scope']);
    const [api, sending] = this.#begin('getSession', options);
    return getSession(api, notEmpty('sessionId', sessionId), query, sending);
  }

  /** Ids of sessions, newest first; 20 a page. */
  listSessions(query: ListOptions & ScopeOptions = {}, options?: RequestOptions): PagePromise<string> {
    const [api, sending] = this.#begin('listSessions', options);
    return pagesOfSessions(api, query, sending);
  }

  /** Sessions that fit, newest first; 50 a page. Experimental on the server's side. */
  searchSessions(search: SessionSearchInput = {}, options?: RequestOptions): PagePromise<SessionSummary> {
    const [api, sending] = this.#begin('searchSessions', options);
    return pagesOfFoundSessions(api, search, sending);
  }

  /** Moves a session into a project. It can go on to another one, but not out of projects. */
  async assignSessionProject(sessionId: string, projectId: string, options?: RequestOptions): Promise<void> {
    const [api, sending] = this.#begin('assignSessionProject', options);
    notEmpty('projectId', projectId);
    await assignSessionProject(api, notEmpty('sessionId', sessionId), projectId, sending);
  }

  /**
   * A signed link to the session's Perfetto trace, good for about an hour. Waits while it is exported; a failed export throws
   * RequestFailedError.
   */
  async exportSessionTrace(sessionId: string, options?: RequestOptions): Promise<{ url: string }> {
    const [api, sending] = this.#begin('exportSessionTrace', options);
    return waitForTrace(api, notEmpty('sessionId', sessionId), sending);
  }

  /** The trace itself, as bytes: `exportSessionTrace` and the request of its link. */
  async fetchSessionTrace(sessionId: string, options?: RequestOptions): Promise<Uint8Array> {
    const [api, sending] = this.#begin('fetchSessionTrace', options);
    return fetchTrace(api, notEmpty('sessionId', sessionId), sending);
  }

  /** The base model of a sampler, and the checkpoint that it was made from. */
  async getSampler(samplerId: string, options?: RequestOptions): Promise<GetSamplerResponse> {
    const [api, sending] = this.#begin('getSampler', options);
    return getSampler(api, notEmpty('samplerId', samplerId), sending);
  }

  /** Training runs, newest first; 20 a page. */
  listTrainingRuns(query: RunListInput = {}, options?: RequestOptions): PagePromise<TrainingRun> {
    const [api, sending] = this.#begin('listTrainingRuns', options);
    return pagesOfRuns(api, query, sending);
  }

  async getTrainingRun(
    runId: string,
    query: ScopeOptions = {},
    options?: RequestOptions,
  ): Promise<TrainingRun> {
    checkOptionNames('getTrainingRun', query, ['access_scope']);
    const [api, sending] = this.#begin('getTrainingRun', options);
    return getTrainingRun(api, notEmpty('runId', runId), query, sending);
  }

  /** The run that a checkpoint belongs to. */
  async getTrainingRunByTinkerPath(
    tinkerPath: string,
    query: ScopeOptions = {},
    options?: RequestOptions,
  ): Promise<TrainingRun> {
    checkOptionNames('getTrainingRunByTinkerPath', query, ['access_scope']);
    const [api, sending] = this.#begin('getTrainingRunByTinkerPath', options);
    return getTrainingRun(api, parseTinkerPath(tinkerPath).training_run_id, query, sending);
  }

  /** All checkpoints of a run, of every type. The server gives them in one page. */
  listCheckpoints(runId: string, options?: RequestOptions): PagePromise<Checkpoint> {
    const [api, sending] = this.#begin('listCheckpoints', options);
    return pageOfRunCheckpoints(api, runId, sending);
  }

  /** The caller's checkpoints over all runs, newest first; 100 a page. */
  listUserCheckpoints(query: ListOptions = {}, options?: RequestOptions): PagePromise<Checkpoint> {
    const [api, sending] = this.#begin('listUserCheckpoints', options);
    return pagesOfUserCheckpoints(api, query, sending);
  }

  /** What a checkpoint holds: base model, optimizer, rank. Works for what others have published too. */
  async getWeightsInfo(tinkerPath: string, options?: RequestOptions): Promise<WeightsInfoResponse> {
    const [api, sending] = this.#begin('getWeightsInfo', options);
    parseTinkerPath(tinkerPath);
    return getWeightsInfo(api, tinkerPath, sending);
  }

  /** A signed link for each file of external weights, by its path; `TrainingClient.saveWeightsExternal` makes them. */
  async getExternalWeightsUrls(
    tinkerPath: string,
    options?: RequestOptions,
  ): Promise<ExternalWeightsUrlsResponse> {
    const [api, sending] = this.#begin('getExternalWeightsUrls', options);
    return getExternalWeightsUrls(api, parseExternalPath(tinkerPath), sending);
  }

  /**
   * A signed link to the archive of a checkpoint, for servers that build archives. Waits while it is built, three minutes
   * unless `timeoutMs` says otherwise, and then throws code `archive_pending`.
   */
  async getCheckpointArchiveUrl(tinkerPath: string, options?: RequestOptions): Promise<ArchiveUrlResponse> {
    const [api, sending] = this.#begin('getCheckpointArchiveUrl', options);
    return waitForArchiveUrl(api, tinkerPath, sending);
  }

  /** Copies a checkpoint of any kind into a project. The copy is a run of its own, which cannot be trained. */
  async copyWeights(
    tinkerPath: string,
    input: CopyWeightsInput = {},
    options?: RequestOptions,
  ): Promise<CopyWeightsResponse> {
    const [api, sending] = this.#begin('copyWeights', options);
    const request = toCopyRequest(tinkerPath, input, this.#parts.projectId);
    return copyWeights(api, request, input.weights_access_token, sending);
  }

  /** Makes a checkpoint public. ConflictError when it is already. */
  async publishCheckpoint(tinkerPath: string, options?: RequestOptions): Promise<void> {
    const [api, sending] = this.#begin('publishCheckpoint', options);
    await publishCheckpoint(api, parseTinkerPath(tinkerPath), sending);
  }

  /** Makes a checkpoint private again. ConflictError when it is already. */
  async unpublishCheckpoint(tinkerPath: string, options?: RequestOptions): Promise<void> {
    const [api, sending] = this.#begin('unpublishCheckpoint', options);
    await unpublishCheckpoint(api, parseTinkerPath(tinkerPath), sending);
  }

  /** When a checkpoint may be deleted: so many seconds from now (an hour to ten years), or never with null. */
  async setCheckpointTtl(
    tinkerPath: string,
    ttlSeconds: number | null,
    options?: RequestOptions,
  ): Promise<void> {
    const [api, sending] = this.#begin('setCheckpointTtl', options);
    const ttl = checkNewTtl('setCheckpointTtl', ttlSeconds);
    await setCheckpointTtl(api, parseTinkerPath(tinkerPath), ttl, sending);
  }

  /** Deletes a checkpoint for good. */
  async deleteCheckpoint(tinkerPath: string, options?: RequestOptions): Promise<void> {
    const [api, sending] = this.#begin('deleteCheckpoint', options);
    await deleteCheckpoint(api, parseTinkerPath(tinkerPath), sending);
  }

  /**
   * Begins to upload weights in the form that `saveWeightsExternal` exports: send each file by PUT to its link, then call
   * `externalWeightsUploadFinish`. Announced for SDK 0.39: the server may not offer it yet.
   */
  async externalWeightsUploadStart(
    input: ExternalWeightsUploadInput,
    options?: RequestOptions,
  ): Promise<ExternalWeightsUploadStartResponse> {
    const [api, sending] = this.#begin('externalWeightsUploadStart', options);
    return startExternalWeightsUpload(api, checkUpload(input), sending);
  }

  /** The checkpoint that the uploaded files make. */
  async externalWeightsUploadFinish(
    uploadId: string,
    options?: RequestOptions,
  ): Promise<CopyWeightsResponse> {
    const [api, sending] = this.#begin('externalWeightsUploadFinish', options);
    return finishExternalWeightsUpload(api, notEmpty('uploadId', uploadId), sending);
  }

  close(options?: CloseOptions): Promise<void> {
    return this.#parts.life.close(options);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** For requests about the key itself: a token in its place would not do. */
  #withKey<Value>(
    options: RequestOptions,
    work: (key: string, options: RequestOptions) => Promise<Value>,
  ): Promise<Value> {
    const { api, authenticator } = this.#parts;
    return withDeadline('the request', options, api.connection.clock, async (signal) =>
      work(await authenticator.credential(signal), { ...options, timeoutMs: undefined, signal }),
    );
  }

  #begin(method: string, options: RequestOptions = {}): [ApiClient, RequestOptions] {
    const { api, life } = this.#parts;
    if (!life.isOpen) throw new ClientClosedError('this REST client is closed');
    return [api, attributed(`RestClient.${method}`, options)];
  }
}
