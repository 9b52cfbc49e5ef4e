import type { Clock } from '../../core/clock.ts';
import type { CredentialSources } from '../../core/config.ts';
import { TinkerError } from '../../core/errors.ts';
import { runCredentialCommand } from './credential-command.ts';
import { isJwt, readClaims } from './jwt.ts';
import { readStoredKey } from '../../core/stored-credentials.ts';

interface Checked {
  credential: string;
  expiresAtMs: number;
}

/** Finds the credential among its possible sources (wire-protocol 1.3). */
export class Credentials {
  readonly #sources: CredentialSources;
  readonly #clock: Clock;
  /** A key that cannot change while the program runs. */
  #fixed: Checked | undefined;

  constructor(sources: CredentialSources, clock: Clock) {
    this.#sources = sources;
    this.#clock = clock;
  }

  /**
   * The credential for the handshake and for the exchange, fetched anew: the key, else what the command prints, else the
   * stored key. With `commandOnly` the command alone, unless the key is a JWT, which is dynamic already.
   */
  async raw(options: { commandOnly: boolean; signal?: AbortSignal | undefined }): Promise<string> {
    const { command } = this.#sources;
    const key = await this.#given();
    if (key !== undefined && isJwt(key)) return this.#unexpired(this.#check(key, 'The API key'));
    if (options.commandOnly) return this.#fromCommand(options.signal);
    if (key !== undefined && command !== undefined && this.#lacksPrefix(key))
      return this.#fromCommand(options.signal);
    if (key !== undefined) return this.#check(key, 'The API key').credential;
    if (command !== undefined) return this.#fromCommand(options.signal);
    const stored = await this.#stored();
    if (stored === undefined) throw missing();
    return this.#unexpired(stored);
  }

  /**
   * The key for every request to a server that exchanges none: the one that was given, else the stored one. The command is
   * for exchanges alone: it would have to run before every request.
   */
  plain(): string | Promise<string> {
    return this.#fixed === undefined ? this.#findPlain() : this.#unexpired(this.#fixed);
  }

  async #findPlain(): Promise<string> {
    const given = await this.#given();
    const checked = given === undefined ? await this.#stored() : this.#check(given, 'The API key');
    if (checked === undefined) {
      throw missing(this.#sources.command !== undefined);
    }
    if (typeof this.#sources.apiKey !== 'function') this.#fixed = checked;
    return this.#unexpired(checked);
  }

  async #given(): Promise<string | undefined> {
    const { apiKey } = this.#sources;
    if (typeof apiKey !== 'function') return apiKey?.reveal();
    const key: unknown = await apiKey();
    if (typeof key === 'string' && key !== '') return key;
    throw new TinkerError('missing_api_key', 'The function that was given as apiKey gave no key');
  }

  async #stored(): Promise<Checked | undefined> {
    const { storedFile } = this.#sources;
    const key = await readStoredKey(storedFile);
    return key === undefined ? undefined : this.#check(key, `The key that is stored in ${storedFile}`);
  }

  async #fromCommand(signal: AbortSignal | undefined): Promise<string> {
    const { command } = this.#sources;
    if (command === undefined) {
      throw new TinkerError(
        'credential_unavailable',
        'The server takes only what a credential command prints: set TINKER_CREDENTIAL_CMD, or pass credentialCommand',
      );
    }
    const what = 'What the credential command printed';
    const credential = await runCredentialCommand(command.reveal(), this.#clock, signal);
    return this.#unexpired({
      credential: checkCharacters(credential, what),
      expiresAtMs: this.#expiryOf(credential, what),
    });
  }

  #check(key: string, what: string): Checked {
    if (this.#lacksPrefix(key)) throw new TinkerError('invalid_api_key', `${what} must begin with 'tml-'`);
    return { credential: checkCharacters(key, what), expiresAtMs: this.#expiryOf(key, what) };
  }

  #lacksPrefix(key: string): boolean {
    return this.#sources.isHosted && !key.startsWith('tml-') && !isJwt(key);
  }

  #expiryOf(credential: string, what: string): number {
    if (!isJwt(credential)) return Number.POSITIVE_INFINITY;
    const expiry = readClaims(credential)?.exp;
    if (expiry !== undefined) return expiry * 1000;
    // Another server may take keys that only look like one.
    if (!this.#sources.isHosted) return Number.POSITIVE_INFINITY;
    throw new TinkerError(
      'invalid_api_key',
      `${what} looks like a JWT but has no expiry that can be read: is it whole?`,
    );
  }

  #unexpired({ credential, expiresAtMs }: Checked): string {
    if (this.#clock.now() < expiresAtMs) return credential;
    const when = new Date(expiresAtMs).toISOString();
    throw new TinkerError(
      'invalid_api_key',
      `The credential is a JWT that expired at ${when}: pass a fresh one, or set TINKER_CREDENTIAL_CMD to a command that prints one`,
    );
  }
}

function checkCharacters(credential: string, what: string): string {
  if (/^[\x21-\x7e]+$/.test(credential)) return credential;
  throw new TinkerError(
    'invalid_api_key',
    `${what} has characters that no header can carry: is it whole, and nothing else?`,
  );
}

function missing(hasCommand = false): TinkerError {
  const sources = 'pass apiKey, set TINKER_API_KEY, or store a key with `tinker-ts auth login`';
  return new TinkerError(
    'missing_api_key',
    hasCommand
      ? `This server exchanges no credentials, so a credential command is not enough: ${sources}`
      : `No API key: ${sources}`,
  );
}
