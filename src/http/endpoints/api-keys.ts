import { selfApiKeyResponseSchema, type SelfApiKeyResponse } from '../../types/credentials.ts';
import type { RequestOptions } from '../../types/options.ts';
import type { ApiClient } from '../api-client.ts';

const path = '/auth/apikey/me';

/** What the server knows of the key that the request is sent with (wire-protocol 2.48). */
export function getSelfApiKey(
  api: ApiClient,
  credential: string,
  options?: RequestOptions,
): Promise<SelfApiKeyResponse> {
  return api.json({ method: 'GET', path, credential }, selfApiKeyResponseSchema, options);
}

/** Ends the key that the request is sent with. */
export async function revokeSelfApiKey(
  api: ApiClient,
  credential: string,
  options?: RequestOptions,
): Promise<void> {
  await api.send({ method: 'DELETE', path, credential }, options);
}
