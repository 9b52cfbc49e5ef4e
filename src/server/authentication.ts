import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import type { AccessTokens } from './access-tokens.ts';
import { HttpError } from './errors.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Reachable without a key. */
    open?: boolean;
    /** Reached with the key itself, also where all other routes ask for a token: the handshake. */
    wantsKey?: boolean;
  }
}

/** What requests must show: the key, or the token that was given for it. */
export interface Access {
  /** Undefined: every key is right. */
  apiKey: string | undefined;
  /** Undefined: the key is what all requests carry. */
  tokens: AccessTokens | undefined;
}

/** Asks every request for its key or its token, but those of open routes. */
export function addAuthentication(app: FastifyInstance, { apiKey, tokens }: Access): void {
  const expected = apiKey === undefined ? undefined : digest(apiKey);
  if (expected === undefined && tokens === undefined) return;
  app.addHook('onRequest', async (request) => {
    const { open, wantsKey } = request.routeOptions.config;
    if (open === true) return;
    const header = request.headers['x-api-key'];
    const given = typeof header === 'string' ? header : '';
    if (tokens !== undefined && wantsKey !== true) {
      checkToken(tokens, given);
    } else if (expected !== undefined && !timingSafeEqual(digest(given), expected)) {
      throw new HttpError(
        401,
        'Invalid API key: this server wants the key that it was started with in X-API-Key',
      );
    }
  });
}

function checkToken(tokens: AccessTokens, given: string): void {
  if (tokens.isValid(given)) return;
  if (!given.startsWith('eyJ')) {
    throw new HttpError(
      401,
      'This server wants a token in X-API-Key: POST /api/v1/auth/token gives one for the key',
    );
  }
  throw new HttpError(401, 'The token has expired, or is not of this server', {
    'www-authenticate': 'Bearer error="invalid_token"',
  });
}

function digest(key: string): Uint8Array {
  return createHash('sha256').update(key).digest();
}
