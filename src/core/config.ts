import type { Clock } from './clock.ts';
import { systemClock } from './clock.ts';
import type { Environment } from './env.ts';
import { InvalidArgumentError } from './errors.ts';
import { stderrLogger, type Logger } from './logger.ts';
import { systemRandom, type Random } from './random.ts';
import { toSecret, type Secret } from './secret.ts';
import { toShownUrl } from './shown-url.ts';

export const defaultBaseUrl = 'https://tinker.thinkingmachines.dev/services/tinker-prod';

/** How to reach a server. What is left out comes from the environment, then from the defaults. */
export interface ConnectionOptions {
  /** Root of the API, with any path prefix. Default: `TINKER_BASE_URL`, else the hosted service. */
  baseUrl?: string | undefined;
  /**
   * The key, or a function that is asked for it before every request. Default: `TINKER_API_KEY`, then the credential
   * command, then the key that the official `tinker auth login` has stored.
   */
  apiKey?: string | (() => Promise<string>) | undefined;
  /**
   * A shell command that prints a credential; run whenever one is to be exchanged for a token. Default:
   * `TINKER_CREDENTIAL_CMD`.
   */
  credentialCommand?: string | undefined;
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
  readonly credentials: CredentialSources;
  readonly headers: Readonly<Record<string, string>>;
  readonly cloudflareAccess: Environment['cloudflareAccess'];
  readonly requestTimeoutMs: number;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly random: Random;
}

/** Where the key may come from; `http/auth` decides. Nothing in it shows when it is inspected. */
export interface CredentialSources {
  /** By option, else by the environment. */
  readonly apiKey: Secret | (() => Promise<string>) | undefined;
  readonly command: Secret | undefined;
  readonly storedFile: string;
  /** The server is the hosted service, which asks for a prefix; other servers take any key. */
  readonly isHosted: boolean;
}

/** Throws InvalidArgumentError for a base URL that is none. */
export function compileConnection(options: ConnectionOptions, environment: Environment): Connection {
  const baseUrl = normalizeBaseUrl(options.baseUrl || environment.baseUrl || defaultBaseUrl);
  return Object.freeze({
    baseUrl,
    credentials: toCredentialSources(options, environment, baseUrl),
    headers: Object.freeze({ ...options.headers }),
    cloudflareAccess: environment.cloudflareAccess,
    requestTimeoutMs: positive('requestTimeoutMs', options.requestTimeoutMs ?? 60_000),
    logger: options.logger ?? stderrLogger(environment.logLevel ?? 'warn'),
    clock: options.clock ?? systemClock,
    random: options.random ?? systemRandom,
  });
}

function normalizeBaseUrl(text: string): string {
  const url = URL.parse(text);
  if (url === null || !['http:', 'https:'].includes(url.protocol)) {
    const shown = JSON.stringify(toShownUrl(text));
    throw new InvalidArgumentError(`baseUrl must be an http or https URL, and is ${shown}`);
  }
  if (url.search !== '' || url.hash !== '' || url.username !== '' || url.password !== '') {
    throw new InvalidArgumentError('baseUrl must have no query, fragment, user or password');
  }
  return text.replace(/\/+$/, '');
}

function toCredentialSources(
  { apiKey, credentialCommand }: ConnectionOptions,
  environment: Environment,
  baseUrl: string,
): CredentialSources {
  if (!['undefined', 'string', 'function'].includes(typeof apiKey)) {
    throw new InvalidArgumentError('apiKey must be a string, or a function that gives a promise of one');
  }
  if (!['undefined', 'string'].includes(typeof credentialCommand)) {
    throw new InvalidArgumentError('credentialCommand must be a string: what the shell is to run');
  }
  const given = typeof apiKey === 'function' ? apiKey : toSecret(apiKey);
  return Object.freeze({
    apiKey: given ?? environment.apiKey,
    command: toSecret(credentialCommand) ?? environment.credentialCommand,
    storedFile: environment.credentialsFile,
    isHosted: baseUrl === defaultBaseUrl,
  });
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
