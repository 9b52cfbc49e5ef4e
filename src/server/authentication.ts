import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import type { AccessTokens } from './access-tokens.ts';
import { HttpError } from './errors.ts';

type Credential = 'token' | 'key' | 'either' | 'none';

declare module 'fastify' {
  interface FastifyContextConfig {
    /**
     * What a request must show. `token`, the default: what the server gives for a key, or the key itself where it gives
     * none. `key`: the key itself. `either`: any of both, also as `Authorization: Bearer`. `none`: the URL is signed.
     */
    credential?: Credential;
  }
}

/** What requests must show: the key, or the token that was given for it. */
export class Access {
  readonly #expected: Uint8Array | undefined;
  readonly #tokens: AccessTokens | undefined;
  readonly #revoked = new Set<string>();

  /** Without `apiKey` every key is right; without `tokens` the key is what all requests carry. */
  constructor({ apiKey, tokens }: { apiKey: string | undefined; tokens: AccessTokens | undefined }) {
    this.#expected = apiKey === undefined ? undefined : digest(apiKey);
    this.#tokens = tokens;
  }

  get demandsOneKey(): boolean {
    return this.#expected !== undefined;
  }

  /** Refuses a request that carries `given`. */
  check(given: string, credential: Credential): void {
    if (credential === 'none' || (credential === 'either' && this.#isToken(given))) return;
    if (this.#tokens !== undefined && credential === 'token') checkToken(this.#tokens, given);
    else this.#checkKey(given);
  }

  /** Refuses a credential for weights of another account, of which there is none: it must be one that is good here. */
  checkWeightsToken(token: string): void {
    if (!this.#isToken(token) && !this.#isRight(token))
      throw new HttpError(403, 'The weights access token is not one of this server');
  }

  /** The key is refused from now on, until the server is started anew. */
  revoke(key: string): void {
    this.#revoked.add(hexOf(key));
  }

  #checkKey(given: string): void {
    if (this.#isRight(given)) return;
    const why = this.#revoked.has(hexOf(given))
      ? 'it was revoked (DELETE auth/apikey/me)'
      : 'this server wants the key that it was started with in X-API-Key';
    throw new HttpError(401, `Invalid API key: ${why}`);
  }

  #isToken(given: string): boolean {
    return this.#tokens?.isValid(given) === true;
  }

  #isRight(key: string): boolean {
    if (this.#expected === undefined && this.#revoked.size === 0) return true;
    const isExpected = this.#expected === undefined || timingSafeEqual(digest(key), this.#expected);
    return isExpected && !this.#revoked.has(hexOf(key));
  }
}

/** Asks every request for its key or its token, but those of signed URLs. */
export function addAuthentication(app: FastifyInstance, access: Access): void {
  app.addHook('onRequest', async (request) => {
    const { credential = 'token' } = request.routeOptions.config;
    const bearer = credential === 'either' ? bearerOf(request.headers.authorization) : undefined;
    access.check(bearer ?? givenKey(request.headers), credential);
  });
}

function bearerOf(header: string | undefined): string | undefined {
  return /^Bearer (.+)$/i.exec(header ?? '')?.[1];
}

/** What a request shows as its key. */
export function givenKey(headers: Readonly<Record<string, unknown>>): string {
  const header = headers['x-api-key'];
  return typeof header === 'string' ? header : '';
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

function hexOf(key: string): string {
  return Buffer.from(digest(key)).toString('hex');
}
