import { createHmac, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../core/clock.ts';
import { InvalidArgumentError } from '../core/errors.ts';
import { owner } from './owner.ts';

const header = toPart({ alg: 'HS256', typ: 'JWT' });

/** Short-lived tokens that clients get in exchange for their key (wire-protocol 1.5). They end with the server. */
export class AccessTokens {
  readonly #secret = randomBytes(32);
  readonly #clock: Clock;
  readonly #lifetimeSec: number;

  constructor(clock: Clock, lifetimeSec: number) {
    if (!Number.isFinite(lifetimeSec) || lifetimeSec <= 0) {
      throw new InvalidArgumentError(
        `tokenExchange.lifetimeSec must be a positive number of seconds, and is ${lifetimeSec}`,
      );
    }
    this.#clock = clock;
    this.#lifetimeSec = lifetimeSec;
  }

  issue(): string {
    const iat = Math.floor(this.#clock.now() / 1000);
    const exp = iat + this.#lifetimeSec;
    const payload = toPart({
      iat,
      exp,
      jti: randomUUID(),
      sub: owner.urn,
      org_id: owner.organization,
      email: owner.email,
    });
    return `${header}.${payload}.${this.#sign(payload).toString('base64url')}`;
  }

  isValid(token: string): boolean {
    const [given, payload = '', signature = ''] = token.split('.');
    const expected = this.#sign(payload);
    const actual = Buffer.from(signature, 'base64url');
    if (given !== header || actual.length !== expected.length || !timingSafeEqual(actual, expected))
      return false;
    const { exp } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { exp: number };
    return this.#clock.now() < exp * 1000;
  }

  #sign(payload: string): Buffer {
    return createHmac('sha256', this.#secret).update(`${header}.${payload}`).digest();
  }
}

function toPart(content: object): string {
  return Buffer.from(JSON.stringify(content)).toString('base64url');
}
