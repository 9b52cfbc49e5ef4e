import { orAborted } from '../../core/deadline.ts';
import type { RetryProfile } from '../../core/retry-policy.ts';
import type { RequestOptions } from '../../types/options.ts';
import type { ClientConfig } from '../../types/service.ts';
import type { Credentials } from './credentials.ts';
import { TokenExchange, type TokenExchangeOptions } from './token-exchange.ts';

/** What ApiClient sends as `X-API-Key`. What these throw reaches the caller of the request as it is. */
export interface RequestAuth {
  token(options: RequestOptions): string | Promise<string>;
  /** After the server rejected `token`: another one to try, or undefined when there is none. */
  replace(token: string, options: RequestOptions): string | Promise<string> | undefined;
}

export interface AuthenticatorOptions extends Omit<TokenExchangeOptions, 'exchange'> {
  credentials: Credentials;
  /** Asks the server for a token in exchange for the credential. */
  exchange: (credential: string, retries: RetryProfile, options: RequestOptions) => Promise<string>;
}

/** The key of all requests of one service: the key itself, or what the server gives in exchange, as its flags say. */
export class Authenticator implements RequestAuth {
  readonly #options: AuthenticatorOptions;
  #exchange: TokenExchange | undefined;

  constructor(options: AuthenticatorOptions) {
    this.#options = options;
  }

  /** The credential itself, for the request that asks for the flags. */
  credential(signal: AbortSignal | undefined): Promise<string> {
    return this.#options.credentials.raw({ commandOnly: false, signal });
  }

  /** Whether requests carry a token of the server's in place of the key. */
  get exchangesTokens(): boolean {
    return this.#exchange !== undefined;
  }

  /** Does as the server's flags say from now on. */
  configure({ pjwt_auth_enabled, credential_default_source }: ClientConfig): void {
    if (!pjwt_auth_enabled) return;
    const { credentials, exchange, ...rest } = this.#options;
    const commandOnly = credential_default_source === 'credential_cmd';
    this.#exchange = new TokenExchange({
      ...rest,
      exchange: async (retries, options) =>
        exchange(await credentials.raw({ commandOnly, signal: options.signal }), retries, options),
    });
  }

  token(options: RequestOptions): string | Promise<string> {
    if (this.#exchange !== undefined) return this.#exchange.token(options);
    const key = this.#options.credentials.plain();
    return typeof key === 'string' ? key : orAborted(key, options.signal);
  }

  replace(token: string, options: RequestOptions): string | Promise<string> | undefined {
    return this.#exchange?.replace(token, options);
  }

  close(): void {
    this.#exchange?.close();
  }
}
