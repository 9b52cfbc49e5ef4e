import { protocolVersion } from '../../core/version.ts';
import type { RequestOptions } from '../../types/options.ts';
import {
  clientConfigSchema,
  serverCapabilitiesSchema,
  type ClientConfig,
  type ServerCapabilities,
} from '../../types/service.ts';
import type { ApiClient } from '../api-client.ts';

/** The first call of a client: flags that the server chooses (wire-protocol 2.2). */
export function getClientConfig(api: ApiClient, options?: RequestOptions): Promise<ClientConfig> {
  const json = { sdk_version: protocolVersion };
  return api.json({ method: 'POST', path: '/client/config', json }, clientConfigSchema, options);
}

export function getServerCapabilities(api: ApiClient, options?: RequestOptions): Promise<ServerCapabilities> {
  return api.json({ method: 'GET', path: '/get_server_capabilities' }, serverCapabilitiesSchema, options);
}
