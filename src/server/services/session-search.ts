import type { z } from 'zod';
import type { Clock } from '../../core/clock.ts';
import type { searchSessionsRequestSchema } from '../../types/sessions.ts';
import { HttpError } from '../errors.ts';
import { onlyTexts } from '../metadata.ts';
import { defaultProjectId, owner } from '../owner.ts';
import type { SessionRow } from '../store/session-store.ts';
import type { Store } from '../store/store.ts';

export interface SessionSearchOptions {
  store: Store;
  clock: Clock;
}

type SearchRequest = z.output<typeof searchSessionsRequestSchema>;

/** Finds sessions by what is known of them (wire-protocol 2.46). */
export class SessionSearch {
  readonly #options: SessionSearchOptions;

  constructor(options: SessionSearchOptions) {
    this.#options = options;
  }

  /** A page, newest first, and where the next one begins if there is one. */
  search(request: SearchRequest) {
    const { sessions } = this.#options.store;
    const { limit, cursor } = request;
    if (cursor != null && sessions.find(cursor.last_session_id) === undefined)
      throw new HttpError(422, `cursor: no session ${cursor.last_session_id}`);
    const found: SessionRow[] = [];
    for (const session of sessions.iterate(cursor?.last_session_id)) {
      if (isWanted(session, request)) found.push(session);
      if (found.length > limit) break;
    }
    const page = found.slice(0, limit);
    const last = found.length > limit ? page.at(-1) : undefined;
    return {
      sessions: page.map((session) => this.#toSummary(session)),
      ...(last === undefined
        ? {}
        : {
            next_cursor: {
              last_created_at: new Date(last.created_at).toISOString(),
              last_session_id: last.id,
            },
          }),
    };
  }

  #toSummary(session: SessionRow) {
    const { store, clock } = this.#options;
    const { count, sizeBytes } = store.checkpoints.sumOfSession(session.id, clock.now());
    return {
      session_id: session.id,
      created_at: new Date(session.created_at).toISOString(),
      owner: owner.urn,
      project_id: session.project_id ?? defaultProjectId,
      status: toStatus(session),
      checkpoints_count: count,
      ...(session.display_name === null ? {} : { display_name: session.display_name }),
      user_metadata: onlyTexts(session.user_metadata),
      checkpoint_storage_bytes: sizeBytes,
    };
  }
}

/** A session that ended by silence is one that somebody else than its client ended. */
function toStatus({ status, status_detail }: SessionRow) {
  const detail = status_detail === null ? {} : { detail: status_detail };
  if (status === 'active') return { type: status };
  if (status === 'expired') return { type: 'cancelled', ...detail };
  return { type: 'client_finished', reason: { type: status }, ...detail };
}

function isWanted(session: SessionRow, request: SearchRequest): boolean {
  const { session_id, display_name, project_ids, user_metadata, owner: whose, statuses } = request;
  if (whose.type === 'user' && !whose.owner_urns.includes(owner.urn)) return false;
  if (project_ids != null && !project_ids.includes(session.project_id ?? defaultProjectId)) return false;
  if (Object.entries(user_metadata).some(([key, value]) => session.user_metadata[key] !== value))
    return false;
  if (statuses != null && !statuses.some((wanted) => hasStatus(session, wanted))) return false;
  // Both together find what either finds.
  const byId = session_id == null ? undefined : session.id === session_id;
  const byName = display_name == null ? undefined : hasWords(session.display_name ?? '', display_name);
  if (byId === undefined && byName === undefined) return true;
  return byId === true || byName === true;
}

function hasStatus({ status }: SessionRow, wanted: NonNullable<SearchRequest['statuses']>[number]): boolean {
  if (wanted.type === 'active') return status === 'active';
  if (wanted.type === 'cancelled') return status === 'expired';
  if (wanted.type === 'failed' || status === 'active' || status === 'expired') return false;
  return wanted.reasons == null || wanted.reasons.includes(status);
}

function hasWords(name: string, words: string): boolean {
  const lower = name.toLowerCase();
  return words
    .toLowerCase()
    .split(/\s+/)
    .every((word) => lower.includes(word));
}
