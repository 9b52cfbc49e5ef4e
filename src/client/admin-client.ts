import { checkOptionNames } from '../core/config.ts';
import { ClientClosedError, InvalidArgumentError } from '../core/errors.ts';
import { attributed } from '../core/sdk-method.ts';
import type { ApiClient } from '../http/api-client.ts';
import { getAuditLog, getBillingUsage, getCheckpointStorageUsage } from '../http/endpoints/admin.ts';
import {
  auditEventTypes,
  type AuditEventType,
  type AuditLogResponse,
  type BillingUsageResponse,
  type CheckpointStorageUsageResponse,
} from '../types/administration.ts';
import type { ClientLife, CloseOptions } from '../types/client-life.ts';
import type { RequestOptions } from '../types/options.ts';

export interface AuditLogInput {
  /** What the events are about; `all` by default. */
  event_type?: AuditEventType | undefined;
  /** A day in UTC, `2026-07-13`; today by default. */
  day?: string | undefined;
}

export interface BillingUsageInput {
  /** A full hour as RFC 3339, `2026-07-13T00:00:00Z`. */
  starting_on: string;
  /** At most 14 days later. */
  ending_before: string;
}

/** What an organization's administrators may ask: audit log and billing. Other keys get PermissionDeniedError. */
export class AdminClient {
  readonly #api: ApiClient;
  readonly #life: ClientLife;

  /** @internal `ServiceClient.createAdminClient` makes admin clients. */
  static create(api: ApiClient, life: ClientLife): AdminClient {
    return new AdminClient(api, life);
  }

  private constructor(api: ApiClient, life: ClientLife) {
    this.#api = api;
    this.#life = life;
  }

  /** What happened in the organization on one day (UTC), in order of time. */
  async getAuditLog(input: AuditLogInput = {}, options?: RequestOptions): Promise<AuditLogResponse> {
    checkOptionNames('getAuditLog', input, ['event_type', 'day']);
    const { event_type = 'all', day } = input;
    if (!auditEventTypes.includes(event_type)) {
      throw new InvalidArgumentError(`event_type must be one of ${auditEventTypes.join(', ')}`);
    }
    if (day !== undefined && (!/^\d{4}-\d\d-\d\d$/.test(day) || Number.isNaN(Date.parse(day)))) {
      throw new InvalidArgumentError(`day must be a date like 2026-07-13, and is ${JSON.stringify(day)}`);
    }
    const [api, sending] = this.#begin('getAuditLog', options);
    return getAuditLog(api, { event_type, day }, sending);
  }

  /** Usage by hour within a window: tokens, checkpoints and storage, with estimated costs in dollars. */
  async getBillingUsage(input: BillingUsageInput, options?: RequestOptions): Promise<BillingUsageResponse> {
    checkOptionNames('getBillingUsage', input, ['starting_on', 'ending_before']);
    const { starting_on, ending_before } = input;
    for (const [name, value] of Object.entries({ starting_on, ending_before })) {
      if (typeof value !== 'string' || Number.isNaN(Date.parse(value))) {
        throw new InvalidArgumentError(
          `${name} must be a time like 2026-07-13T00:00:00Z, and is ${JSON.stringify(value)}`,
        );
      }
    }
    const [api, sending] = this.#begin('getBillingUsage', options);
    return getBillingUsage(api, { starting_on, ending_before }, sending);
  }

  /** How much checkpoints take up now, by project and owner; the figures may be an hour or two old. */
  async getCurrentCheckpointStorageUsage(
    input: { project_id?: string | undefined } = {},
    options?: RequestOptions,
  ): Promise<CheckpointStorageUsageResponse> {
    checkOptionNames('getCurrentCheckpointStorageUsage', input, ['project_id']);
    const [api, sending] = this.#begin('getCurrentCheckpointStorageUsage', options);
    return getCheckpointStorageUsage(api, { project_id: input.project_id }, sending);
  }

  close(options?: CloseOptions): Promise<void> {
    return this.#life.close(options);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #begin(method: string, options: RequestOptions = {}): [ApiClient, RequestOptions] {
    if (!this.#life.isOpen) throw new ClientClosedError('this admin client is closed');
    return [this.#api, attributed(`AdminClient.${method}`, options)];
  }
}
