import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { HttpError } from './errors.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Reachable without a key. */
    open?: boolean;
  }
}

/** Asks every request for the key, but those of open routes. */
export function addAuthentication(app: FastifyInstance, apiKey: string): void {
  const expected = digest(apiKey);
  app.addHook('onRequest', async (request) => {
    if (request.routeOptions.config.open === true) return;
    const given = request.headers['x-api-key'];
    if (typeof given === 'string' && timingSafeEqual(digest(given), expected)) return;
    throw new HttpError(
      401,
      'Invalid API key: this server wants the key that it was started with in X-API-Key',
    );
  });
}

function digest(key: string): Uint8Array {
  return createHash('sha256').update(key).digest();
}
