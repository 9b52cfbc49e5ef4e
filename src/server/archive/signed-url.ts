import { createHmac, timingSafeEqual } from 'node:crypto';

/** A path as it may be logged and recorded: whoever knows the signature could fetch what it signs. */
export function withoutSignature(url: string): string {
  return url.replace(/signature=[^&]*/, 'signature=hidden');
}

/** Signs paths so that whoever holds the URL may fetch it, without a key, until it expires. */
export class UrlSigner {
  readonly #secret: Uint8Array;

  constructor(secret: Uint8Array) {
    this.#secret = secret;
  }

  /** The query for `path`, to be put after a `?`. */
  sign(path: string, expiresAt: number): string {
    return `expires=${expiresAt}&signature=${this.#signature(path, String(expiresAt))}`;
  }

  /** Why a signed URL is refused; undefined when it is good. */
  refusal(path: string, expires: string, signature: string, now: number): string | undefined {
    const expected = Buffer.from(this.#signature(path, expires));
    const given = Buffer.from(signature);
    if (expected.length !== given.length || !timingSafeEqual(expected, given))
      return 'The signature of this URL is wrong';
    return Number(expires) > now ? undefined : 'This URL has expired: ask for a new one';
  }

  #signature(path: string, expires: string): string {
    return createHmac('sha256', this.#secret).update(`${path}\n${expires}`).digest('hex');
  }
}
