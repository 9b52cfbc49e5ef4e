import { AuthenticationError } from '../../core/api-errors.ts';
import type { Clock } from '../../core/clock.ts';
import { orAborted } from '../../core/deadline.ts';
import { ClientClosedError } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import type { Random } from '../../core/random.ts';
import { defaultRetries, renewalRetries, type RetryProfile } from '../../core/retry-policy.ts';
import { messageOf } from '../../core/thrown.ts';
import type { RequestOptions } from '../../types/options.ts';
import { readClaims } from './jwt.ts';

export interface TokenExchangeOptions {
  /** Asks the server for a new token. */
  exchange: (retries: RetryProfile, options: RequestOptions & { signal: AbortSignal }) => Promise<string>;
  clock: Clock;
  /** Its timers do not keep the process alive. */
  backgroundClock: Clock;
  random: Random;
  logger: Logger;
}

interface Token {
  text: string;
  /** By our clock; 0 when the token does not say. */
  expiresAtMs: number;
}

/** A token with less life than this is renewed before it is used. */
const marginMs = 60_000;
const repeatAfterMs = 60_000;
/** Timers take no more; a token of a shorter life than the least would be renewed without end. */
const renewalLimitsMs = { least: 1000, most: 2 ** 31 - 1 };
/** With no more life than this, a credential that is refused ends the renewing in the background. */
const lastChanceMs = 120_000;

/**
 * The short-lived token that stands for the credential (wire-protocol 1.5). The first request fetches it; from then on it is
 * renewed in the background at half of its life, and on demand when that has failed. One exchange runs at a time, however
 * many wait for it.
 */
export class TokenExchange {
  readonly #options: TokenExchangeOptions;
  readonly #closing = new AbortController();
  #token: Token | undefined;
  #running: Promise<string> | undefined;
  #timer: unknown;
  #hasFailed = false;

  constructor(options: TokenExchangeOptions) {
    this.#options = options;
  }

  /** A token that still serves. A refused credential rejects with AuthenticationError at once. */
  token({ signal, retry }: RequestOptions): string | Promise<string> {
    if (this.#lifeLeftMs() > marginMs && this.#token !== undefined) return this.#token.text;
    return this.#renewInTime(signal, retry);
  }

  /** A token other than the rejected one: the one that has come in the meantime, or a new one. */
  replace(rejected: string, { signal, retry }: RequestOptions): string | Promise<string> {
    if (this.#token !== undefined && this.#token.text !== rejected) return this.#token.text;
    return orAborted(this.#renew(retry), signal);
  }

  close(): void {
    this.#options.backgroundClock.clearTimeout(this.#timer);
    this.#closing.abort(new ClientClosedError('the service was closed'));
  }

  async #renewInTime(signal: AbortSignal | undefined, retry: boolean | undefined): Promise<string> {
    try {
      return await orAborted(this.#renew(retry), signal);
    } catch (error) {
      signal?.throwIfAborted();
      const token = this.#token;
      if (error instanceof AuthenticationError || token === undefined || this.#lifeLeftMs() <= 0) throw error;
      return token.text;
    }
  }

  #renew(retry?: boolean): Promise<string> {
    this.#running ??= this.#exchange(retry).finally(() => (this.#running = undefined));
    return this.#running;
  }

  async #exchange(retry: boolean | undefined): Promise<string> {
    const { exchange } = this.#options;
    const { signal } = this.#closing;
    signal.throwIfAborted();
    const text = await exchange(this.#token === undefined ? defaultRetries : renewalRetries, {
      signal,
      retry,
    });
    signal.throwIfAborted();
    const { exp, iat } = readClaims(text) ?? {};
    this.#token = { text, expiresAtMs: (exp ?? 0) * 1000 };
    this.#hasFailed = false;
    this.#renewAfter(exp === undefined || iat === undefined ? 0 : (exp - iat) * 1000);
    return text;
  }

  /** By the server's own times, so that a clock that is wrong here does not matter. */
  #renewAfter(lifetimeMs: number): void {
    const { random } = this.#options;
    const wishedMs = lifetimeMs > 0 ? (lifetimeMs / 2) * (0.9 + 0.2 * random()) : repeatAfterMs;
    this.#schedule(Math.min(Math.max(wishedMs, renewalLimitsMs.least), renewalLimitsMs.most));
  }

  #schedule(delayMs: number): void {
    const { backgroundClock } = this.#options;
    backgroundClock.clearTimeout(this.#timer);
    this.#timer = backgroundClock.setTimeout(() => {
      this.#renew().catch((error: unknown) => this.#noteFailure(error));
    }, delayMs);
  }

  #noteFailure(error: unknown): void {
    if (this.#closing.signal.aborted) return;
    const { logger } = this.#options;
    const reason = messageOf(error);
    logger[this.#hasFailed ? 'debug' : 'warn'](`the access token could not be renewed: ${reason}`);
    this.#hasFailed = true;
    // The next request says so to its caller, and begins anew when that succeeds.
    if (error instanceof AuthenticationError && this.#lifeLeftMs() <= lastChanceMs) return;
    this.#schedule(repeatAfterMs);
  }

  #lifeLeftMs(): number {
    return this.#token === undefined ? 0 : this.#token.expiresAtMs - this.#options.clock.now();
  }
}
