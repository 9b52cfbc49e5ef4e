import { randomUUID } from 'node:crypto';
import type { z } from 'zod';
import type { Clock } from '../../core/clock.ts';
import type { createSessionRequestSchema, FinishReason, GetSessionResponse } from '../../types/sessions.ts';
import { HttpError } from '../errors.ts';
import { onlyTexts } from '../metadata.ts';
import type { SessionRow, SessionStatus } from '../store/session-store.ts';
import type { Store } from '../store/store.ts';
import type { AuditLog } from './audit-log.ts';

export interface SessionServiceOptions {
  store: Store;
  clock: Clock;
  audit: AuditLog;
  sessionTimeoutMs: number;
  /** Called once for every session that ends while the server runs. */
  onEnd: (sessionId: string) => void;
}

/** How many idempotency keys of `create_session` are remembered. */
const maxIdempotencyKeys = 10_000;

export class SessionService {
  readonly #options: SessionServiceOptions;
  /** When each active session gave its last sign; one of an earlier boot counts from this start. */
  readonly #lastSeen = new Map<string, number>();
  readonly #idByIdempotencyKey = new Map<string, string>();

  constructor(options: SessionServiceOptions) {
    this.#options = options;
    for (const id of options.store.sessions.listActiveIds()) this.#lastSeen.set(id, options.clock.now());
  }

  create(
    request: z.output<typeof createSessionRequestSchema>,
    idempotencyKey: string | undefined,
  ): { session_id: string } {
    const repeated = idempotencyKey === undefined ? undefined : this.#idByIdempotencyKey.get(idempotencyKey);
    if (repeated !== undefined) return { session_id: repeated };
    const id = randomUUID();
    this.#options.store.sessions.insert({
      id,
      created_at: this.#options.clock.now(),
      status: 'active',
      status_detail: null,
      tags: request.tags,
      user_metadata: request.user_metadata ?? {},
      display_name: request.display_name ?? null,
      project_id: request.project_id ?? null,
      sdk_version: request.sdk_version ?? null,
    });
    this.#lastSeen.set(id, this.#options.clock.now());
    if (idempotencyKey !== undefined) this.#remember(idempotencyKey, id);
    return { session_id: id };
  }

  /** The session, which must be active; that it is asked for is a sign of life. */
  requireActive(id: string): SessionRow {
    const session = this.require(id);
    if (session.status !== 'active')
      throw new HttpError(410, `Session ${id} has ended (${describeEnd(session)})`);
    this.#lastSeen.set(id, this.#options.clock.now());
    return session;
  }

  get(id: string): GetSessionResponse {
    const session = this.require(id);
    const { samplers, trainingRuns } = this.#options.store;
    return {
      training_run_ids: trainingRuns.listIdsOfSession(id),
      sampler_ids: samplers.listIdsOfSession(id),
      user_metadata: onlyTexts(session.user_metadata),
      ...(session.display_name === null ? {} : { display_name: session.display_name }),
    };
  }

  list(limit: number, offset: number): string[] {
    return this.#options.store.sessions.listIds(limit, offset);
  }

  /** The first reason wins; a repeat changes nothing. */
  finish(id: string, reason: FinishReason, detail: string | null): void {
    this.require(id);
    this.#end(id, reason, detail);
  }

  /** Any project will do: here they exist by being named. */
  assignProject(id: string, projectId: string): void {
    this.require(id);
    this.#options.store.sessions.setProject(id, projectId);
    this.#options.audit.record('project_session_assigned', { session_id: id, project_id: projectId });
  }

  /** A session that has ended already, for something that is made without a client: a copy of weights. */
  createFinished(projectId: string, displayName: string): string {
    const id = randomUUID();
    this.#options.store.sessions.insert({
      id,
      created_at: this.#options.clock.now(),
      status: 'success',
      status_detail: null,
      tags: [],
      user_metadata: {},
      display_name: displayName,
      project_id: projectId,
      sdk_version: null,
    });
    return id;
  }

  /** Ends the sessions whose clients have been silent for too long. */
  expireSilent(): void {
    const { clock, sessionTimeoutMs } = this.#options;
    for (const [id, lastSeen] of this.#lastSeen) {
      if (clock.now() - lastSeen >= sessionTimeoutMs) this.#end(id, 'expired', 'no heartbeat');
    }
  }

  #end(id: string, status: SessionStatus, detail: string | null): void {
    this.#lastSeen.delete(id);
    if (this.#options.store.sessions.end(id, status, detail)) this.#options.onEnd(id);
  }

  /** Finds a session, active or not; 404 for an unknown one. */
  require(id: string): SessionRow {
    const session = this.#options.store.sessions.find(id);
    if (session === undefined) throw new HttpError(404, `Unknown session ${id}`);
    return session;
  }

  #remember(idempotencyKey: string, id: string): void {
    this.#idByIdempotencyKey.set(idempotencyKey, id);
    const [oldest] = this.#idByIdempotencyKey.keys();
    if (this.#idByIdempotencyKey.size > maxIdempotencyKeys && oldest !== undefined) {
      this.#idByIdempotencyKey.delete(oldest);
    }
  }
}

function describeEnd({ status, status_detail }: SessionRow): string {
  return status_detail === null ? status : `${status}: ${status_detail}`;
}
