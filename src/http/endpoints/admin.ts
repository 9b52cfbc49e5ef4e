import {
  auditLogResponseSchema,
  billingUsageResponseSchema,
  checkpointStorageUsageResponseSchema,
  type AuditEventType,
  type AuditLogResponse,
  type BillingUsageResponse,
  type CheckpointStorageUsageResponse,
} from '../../types/administration.ts';
import type { RequestOptions } from '../../types/options.ts';
import type { ApiClient } from '../api-client.ts';

/** What only administrators of an organization may ask. */

export function getAuditLog(
  api: ApiClient,
  query: { event_type: AuditEventType; day?: string | undefined },
  options?: RequestOptions,
): Promise<AuditLogResponse> {
  return api.json({ method: 'GET', path: '/audit', query }, auditLogResponseSchema, options);
}

export function getBillingUsage(
  api: ApiClient,
  query: { starting_on: string; ending_before: string },
  options?: RequestOptions,
): Promise<BillingUsageResponse> {
  const path = '/billing/usage/events';
  return api.json({ method: 'GET', path, query }, billingUsageResponseSchema, options);
}

export function getCheckpointStorageUsage(
  api: ApiClient,
  query: { project_id?: string | undefined },
  options?: RequestOptions,
): Promise<CheckpointStorageUsageResponse> {
  const path = '/billing/usage/checkpoints/current';
  return api.json({ method: 'GET', path, query }, checkpointStorageUsageResponseSchema, options);
}
