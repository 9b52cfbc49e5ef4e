import { describe, expect, it } from 'vitest';
import { UrlSigner } from '../../../src/server/archive/signed-url.ts';

const signer = new UrlSigner(Buffer.from('secret'));
const sign = (path: string, expiresAt: number) => {
  const query = new URLSearchParams(signer.sign(path, expiresAt));
  return { expires: query.get('expires') ?? '', signature: query.get('signature') ?? '' };
};

describe('UrlSigner', () => {
  it('accepts its own URL until the moment it expires', () => {
    const { expires, signature } = sign('/a', 1000);
    expect(signer.refusal('/a', expires, signature, 999)).toBeUndefined();
    expect(signer.refusal('/a', expires, signature, 1000)).toMatch('has expired');
  });

  it('refuses a URL of another path, with another expiry, or by another signer', () => {
    const { expires, signature } = sign('/a', 1000);
    expect(signer.refusal('/b', expires, signature, 0)).toMatch('signature');
    expect(signer.refusal('/a', '9000', signature, 0)).toMatch('signature');
    expect(new UrlSigner(Buffer.from('other')).refusal('/a', expires, signature, 0)).toMatch('signature');
  });

  it.each(['', 'short', 'ü'.repeat(32)])('refuses the signature %j', (signature) => {
    expect(signer.refusal('/a', '1000', signature, 0)).toMatch('signature');
  });
});
