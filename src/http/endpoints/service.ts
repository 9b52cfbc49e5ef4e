import { ApiError } from '../../core/api-errors.ts';
import { InvalidResponseError } from '../../core/errors.ts';
import type { RetryProfile } from '../../core/retry-policy.ts';
import { protocolVersion } from '../../core/version.ts';
import { authTokenResponseSchema } from '../../types/credentials.ts';
import type { RequestOptions } from '../../types/options.ts';
import {
  clientConfigSchema,
  dynamicConfigSchema,
  healthResponseSchema,
  serverCapabilitiesSchema,
  type ClientConfig,
  type DynamicConfig,
  type ServerCapabilities,
  type ServerHealth,
} from '../../types/service.ts';
import type { ApiClient } from '../api-client.ts';
import { parseJson } from '../responses.ts';

/** The first call of a client, with the credential itself: flags that the server chooses (wire-protocol 2.2). */
export function getClientConfig(
  api: ApiClient,
  credential: string,
  options?: RequestOptions,
): Promise<ClientConfig> {
  const json = { sdk_version: protocolVersion };
  return api.json({ method: 'POST', path: '/client/config', json, credential }, clientConfigSchema, options);
}

/** A token for a credential (wire-protocol 1.5). */
export async function exchangeToken(
  api: ApiClient,
  credential: string,
  retries: RetryProfile,
  options?: RequestOptions,
): Promise<string> {
  const request = { method: 'POST', path: '/auth/token', json: {}, credential, retries } as const;
  const { jwt } = await api.json(request, authTokenResponseSchema, options);
  return jwt;
}

/** Flags that may change while a service is open. A server that has none answers 404 or 405, which means the defaults. */
export async function getDynamicConfig(
  api: ApiClient,
  retries: RetryProfile,
  options?: RequestOptions,
): Promise<DynamicConfig> {
  const json = { sdk_version: protocolVersion };
  const request = {
    method: 'POST',
    path: '/client/dynamic_config',
    json,
    retries,
    requestTimeoutMs: 10_000,
  } as const;
  try {
    return await api.json(request, dynamicConfigSchema, options);
  } catch (error) {
    if (error instanceof ApiError && (error.status === 404 || error.status === 405))
      return dynamicConfigSchema.parse({});
    throw error;
  }
}

/** Whether the server is up, and its clock as HTTP tells it, in seconds. */
export async function getHealth(api: ApiClient, options?: RequestOptions): Promise<ServerHealth> {
  const { body, headers } = await api.send({ method: 'GET', path: '/healthz' }, options);
  const parsed = healthResponseSchema.safeParse(parseJson(body));
  if (!parsed.success) throw new InvalidResponseError('GET /api/v1/healthz answered something unexpected');
  return { ...parsed.data, date: headers['date'] ?? null };
}

export function getServerCapabilities(api: ApiClient, options?: RequestOptions): Promise<ServerCapabilities> {
  return api.json({ method: 'GET', path: '/get_server_capabilities' }, serverCapabilitiesSchema, options);
}
