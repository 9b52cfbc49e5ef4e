import { jwtClaimsSchema, type JwtClaims } from '../../types/credentials.ts';

/** A JWT begins with the base64 of `{"`; no API key does. */
export function isJwt(credential: string): boolean {
  return credential.startsWith('eyJ');
}

/** What a JWT says of itself; undefined when it is none. Its signature is for the server to check. */
export function readClaims(token: string): JwtClaims | undefined {
  const [, payload, signature] = token.split('.');
  if (payload === undefined || signature === undefined) return undefined;
  try {
    const parsed = jwtClaimsSchema.safeParse(JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}
