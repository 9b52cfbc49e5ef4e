import type { Clock } from './clock.ts';
import { systemClock } from './clock.ts';
import type { Environment } from './env.ts';
import { InvalidArgumentError, TinkerError } from './errors.ts';
import { stderrLogger, type Logger } from './logger.ts';
import { systemRandom, type Random } from './random.ts';

export const defaultBaseUrl = 'https://tinker.thinkingmachines.dev/services/tinker-prod';

/** How to reach a server. What is left out comes from the environment, then from the defaults. */
export interface ConnectionOptions {
  /** Root of the API, with any path prefix. Default: `TINKER_BASE_URL`, else the hosted service. */
  baseUrl?: string | undefined;
  /** Default: `TINKER_API_KEY`. */
  apiKey?: string | undefined;
  /** Sent with every request. */
  headers?: Readonly<Record<string, string>> | undefined;
  /** Deadline of one HTTP attempt; 60 s by default. */
  requestTimeoutMs?: number | undefined;
  /** Default: warnings and errors to standard error, or what `TINKER_LOG` says. */
  logger?: Logger | undefined;
  clock?: Clock | undefined;
  random?: Random | undefined;
}

/** Compiled once; the rest of the code sees only this form. */
export interface Connection {
  readonly baseUrl: string;
  readonly apiKey: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly requestTimeoutMs: number;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly random: Random;
}

/** Throws InvalidArgumentError for a base URL that is none, and says what to do when a key is missing or malformed. */
export function compileConnection(options: ConnectionOptions, environment: Environment): Connection {
  const baseUrl = normalizeBaseUrl(options.baseUrl || environment.baseUrl || defaultBaseUrl);
  return Object.freeze({
    baseUrl,
    apiKey: checkApiKey(options.apiKey || environment.apiKey, baseUrl),
    headers: Object.freeze({ ...options.headers }),
    requestTimeoutMs: positive('requestTimeoutMs', options.requestTimeoutMs ?? 60_000),
    logger: options.logger ?? stderrLogger(environment.logLevel ?? 'warn'),
    clock: options.clock ?? systemClock,
    random: options.random ?? systemRandom,
  });
}

function normalizeBaseUrl(text: string): string {
  const url = URL.parse(text);
  if (url === null || !['http:', 'https:'].includes(url.protocol)) {
    throw new InvalidArgumentError(`baseUrl must be an http or https URL, and is ${JSON.stringify(text)}`);
  }
  if (url.search !== '' || url.hash !== '' || url.username !== '' || url.password !== '') {
    throw new InvalidArgumentError('baseUrl must have no query, fragment, user or password');
  }
  return text.replace(/\/+$/, '');
}

/** The `tml-` prefix is the hosted service's rule; other servers take any key. */
function checkApiKey(apiKey: string | undefined, baseUrl: string): string {
  if (apiKey === undefined) {
    throw new TinkerError('missing_api_key', 'No API key: pass apiKey or set TINKER_API_KEY');
  }
  if (baseUrl === defaultBaseUrl && !/^(tml-|eyJ)/.test(apiKey)) {
    throw new TinkerError('invalid_api_key', "The API key must begin with 'tml-'");
  }
  if (!/^[\x21-\x7e]+$/.test(apiKey)) {
    throw new TinkerError('invalid_api_key', 'The API key has characters that no header can carry: was it pasted whole?');
  }
  return apiKey;
}

function positive(name: string, value: number): number {
  if (Number.isFinite(value) && value > 0) return value;
  throw new InvalidArgumentError(`${name} must be a positive number of milliseconds, and is ${value}`);
}

/** Refuses option names that do not exist, so that a misspelt one never goes unnoticed. */
export function checkOptionNames(what: string, options: object, allowed: readonly string[]): void {
  for (const name of Object.keys(options)) {
    if (!allowed.includes(name)) {
      throw new InvalidArgumentError(`${what} has no option '${name}'. It takes: ${allowed.join(', ')}`);
    }
  }
}
