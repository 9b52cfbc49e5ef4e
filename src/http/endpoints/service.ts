import { ApiError } from '../../core/api-errors.ts';
import { protocolVersion } from '../../core/version.ts';
import type { RequestOptions } from '../../types/options.ts';
import {
  clientConfigSchema,
  dynamicConfigSchema,
  serverCapabilitiesSchema,
  type ClientConfig,
  type DynamicConfig,
  type ServerCapabilities,
} from '../../types/service.ts';
import type { ApiClient } from '../api-client.ts';

/** The first call of a client: flags that the server chooses (wire-protocol 2.2). */
export function getClientConfig(api: ApiClient, options?: RequestOptions): Promise<ClientConfig> {
  const json = { sdk_version: protocolVersion };
  return api.json({ method: 'POST', path: '/client/config', json }, clientConfigSchema, options);
}

/** Flags that may change while a client lives; a server without the endpoint means the defaults (wire-protocol 2.3). */
export async function getDynamicConfig(api: ApiClient, options?: RequestOptions): Promise<DynamicConfig> {
  const json = { sdk_version: protocolVersion };
  try {
    const request = { method: 'POST', path: '/client/dynamic_config', json, requestTimeoutMs: 10_000 } as const;
    return await api.json(request, dynamicConfigSchema, options);
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return dynamicConfigSchema.parse({});
    throw error;
  }
}

export function getServerCapabilities(api: ApiClient, options?: RequestOptions): Promise<ServerCapabilities> {
  return api.json({ method: 'GET', path: '/get_server_capabilities' }, serverCapabilitiesSchema, options);
}
