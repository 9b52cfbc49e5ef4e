import type { Clock } from '../../core/clock.ts';
import type { AuditEventType } from '../../types/administration.ts';
import { owner } from '../owner.ts';
import type { AuditRow, AuditStore } from '../store/audit-store.ts';

export interface AuditLogOptions {
  audit: AuditStore;
  clock: Clock;
}

interface AuditEntry {
  timestamp: string;
  event: string;
  event_details: Record<string, unknown>;
  model_id?: string;
  tinker_path?: string;
  purpose?: string;
}

const dayMs = 24 * 60 * 60_000;

/** Resources that each type of event is about; teams and organizations are not to be found on a server of one's own. */
const resources: Readonly<Record<AuditEventType, readonly string[] | undefined>> = {
  all: undefined,
  checkpoints: ['checkpoint'],
  projects: ['project'],
  teams: [],
  organizations: [],
};

/** Who did what, and when. */
export class AuditLog {
  readonly #options: AuditLogOptions;

  constructor(options: AuditLogOptions) {
    this.#options = options;
  }

  /** `event` is `<resource>_<action>`, for example `checkpoint_deleted`. */
  record(event: string, details: Record<string, unknown>): void {
    const { audit, clock } = this.#options;
    audit.insert({ at: clock.now(), event, details: { actor: owner.urn, ...details } });
  }

  /** What happened on a day of UTC (`2026-01-31`; today by default), oldest first. */
  list(type: AuditEventType, day: string | undefined): AuditEntry[] {
    const { audit, clock } = this.#options;
    const start = day === undefined ? clock.now() - (clock.now() % dayMs) : Date.parse(`${day}T00:00:00Z`);
    const wanted = resources[type];
    return audit
      .list(start, start + dayMs)
      .filter(({ event }) => wanted === undefined || wanted.some((name) => event.startsWith(`${name}_`)))
      .map(toEntry);
  }
}

/** The texts beside `event_details` are for clients before 0.26.2. */
function toEntry({ at, event, details }: AuditRow): AuditEntry {
  const { model_id, tinker_path, purpose } = details;
  return {
    timestamp: new Date(at).toISOString(),
    event,
    event_details: details,
    ...(typeof model_id === 'string' ? { model_id } : {}),
    ...(typeof tinker_path === 'string' ? { tinker_path } : {}),
    ...(typeof purpose === 'string' ? { purpose } : {}),
  };
}
