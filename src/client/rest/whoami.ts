import type { Clock } from '../../core/clock.ts';
import { withDeadline } from '../../core/deadline.ts';
import { InvalidArgumentError, InvalidResponseError } from '../../core/errors.ts';
import type { Authenticator } from '../../http/auth/authenticator.ts';
import { readClaims } from '../../http/auth/jwt.ts';
import type { WhoamiResponse } from '../../types/credentials.ts';
import type { RequestOptions } from '../../types/options.ts';

/** Read from the token, without a request of its own (wire-protocol 2.37). */
export async function readIdentity(
  authenticator: Authenticator,
  clock: Clock,
  options: RequestOptions,
): Promise<WhoamiResponse> {
  const token = await withDeadline('whoami', options, clock, async (signal) =>
    authenticator.token({ ...options, timeoutMs: undefined, signal }),
  );
  const claims = readClaims(token);
  const isToken = authenticator.exchangesTokens || claims?.iss?.startsWith('passport-') === true;
  if (claims === undefined || !isToken) {
    throw new InvalidArgumentError(
      'whoami reads the token that a server gives in exchange for the key, and this one gives none',
    );
  }
  const { sub, org_id, email } = claims;
  if (!sub || !org_id)
    throw new InvalidResponseError('the token does not say whose it is: sub or org_id is missing');
  return { user_urn: sub, org_urn: `tml:organization:${org_id}`, email: email || null };
}
