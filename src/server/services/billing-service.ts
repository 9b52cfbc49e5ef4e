import type { Clock } from '../../core/clock.ts';
import { HttpError } from '../errors.ts';
import { onlyTexts } from '../metadata.ts';
import { defaultProjectId, owner } from '../owner.ts';
import type { SessionRow } from '../store/session-store.ts';
import type { Store } from '../store/store.ts';
import type { UsageRow } from '../store/usage-store.ts';
import { hourMs, type UsageMeter } from '../usage-meter.ts';

export interface BillingServiceOptions {
  store: Store;
  clock: Clock;
  meter: UsageMeter;
}

const longestWindowMs = 14 * 24 * hourMs;

/** The unit of storage. */
const gigabyteBytes = 1e9;

/** What was used and what is stored, as the service bills it. Here nothing costs anything. */
export class BillingService {
  readonly #options: BillingServiceOptions;

  constructor(options: BillingServiceOptions) {
    this.#options = options;
  }

  /** Usage by the hour, from `start` until before `end`. Storage is that of the checkpoints there still are. */
  usage(start: number, end: number) {
    const { store, clock, meter } = this.#options;
    this.#checkWindow(start, end);
    meter.flush();
    const sessions = new Map<string, SessionRow | undefined>();
    const sessionFor = (id: string): SessionRow | undefined => {
      if (!sessions.has(id)) sessions.set(id, store.sessions.find(id));
      return sessions.get(id);
    };
    const counted = store.usage.list(start, end).map((row) => ({ ...row, ...toEventInfo(row) }));
    const data = [...counted, ...this.#storage(start, Math.min(end, clock.now()))]
      .toSorted((first, second) => first.hour - second.hour)
      .map(({ hour, session_id, base_model, event_info, rates }) => ({
        bucket_start: new Date(hour).toISOString(),
        bucket_end: new Date(hour + hourMs).toISOString(),
        base_model,
        user_id: owner.urn,
        user_name: owner.name,
        session_id,
        project_id: sessionFor(session_id)?.project_id ?? defaultProjectId,
        ...rates,
        event_info,
      }));
    return {
      data,
      sessions: Object.fromEntries(
        [...sessions].map(([id, row]) => [
          id,
          row === undefined ? {} : { user_metadata: onlyTexts(row.user_metadata) },
        ]),
      ),
    };
  }

  /** What is stored now, by project; of one, if it is given. */
  storage(projectId: string | undefined) {
    const { store, clock } = this.#options;
    const projects = store.checkpoints
      .sumByProject(clock.now())
      .filter(({ project_id }) => projectId === undefined || project_id === projectId);
    return {
      effective_rate_usd_per_gigabyte_month: 0,
      data: projects.map(({ project_id, checkpoint_count, size_bytes }) => ({
        project_id,
        org_user_urn: owner.urn,
        user_email: owner.email,
        user_name: owner.name,
        checkpoint_count,
        size_bytes,
        size_gigabytes: size_bytes / gigabyteBytes,
        estimated_monthly_cost_usd: 0,
      })),
    };
  }

  #checkWindow(start: number, end: number): void {
    if (start % hourMs !== 0 || end % hourMs !== 0)
      throw new HttpError(400, 'starting_on and ending_before must be full hours of UTC');
    if (start >= end) throw new HttpError(400, 'starting_on must be before ending_before');
    if (end - start > longestWindowMs)
      throw new HttpError(400, 'starting_on and ending_before may be 14 days apart at most');
    if (start > this.#options.clock.now()) throw new HttpError(400, 'starting_on is in the future');
  }

  #storage(start: number, end: number) {
    const { store, clock } = this.#options;
    const hours = new Map<string, { hour: number; session_id: string; base_model: string; byteMs: number }>();
    for (const { created_at, expires_at, size_bytes, session_id, base_model } of store.checkpoints.listStored(
      clock.now(),
    )) {
      const from = Math.max(start, created_at);
      const until = Math.min(end, expires_at ?? Infinity);
      for (let hour = from - (from % hourMs); hour < until; hour += hourMs) {
        const key = JSON.stringify([hour, session_id, base_model]);
        const bucket = hours.get(key) ?? { hour, session_id, base_model, byteMs: 0 };
        bucket.byteMs += size_bytes * (Math.min(until, hour + hourMs) - Math.max(from, hour));
        hours.set(key, bucket);
      }
    }
    return [...hours.values()].map(({ byteMs, ...bucket }) => ({
      ...bucket,
      event_info: { type: 'storage', gigabyte_hours: byteMs / hourMs / gigabyteBytes },
      rates: { estimated_cost_usd: 0, effective_rate_usd_per_gigabyte_month: 0 },
    }));
  }
}

function toEventInfo({ kind, quantity }: UsageRow): { event_info: object; rates: object } {
  if (kind === 'checkpoint') return { event_info: { type: kind, count: quantity }, rates: {} };
  const rates = { estimated_cost_usd: 0, effective_rate_usd_per_million_tokens: 0 };
  const cached = kind === 'sampling_prefill' ? { cached: false } : {};
  return { event_info: { type: kind, ...cached, token_count: quantity }, rates };
}
