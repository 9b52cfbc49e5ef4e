import { InvalidArgumentError } from '../core/errors.ts';

/** Refuses what no server could take; the range that it allows is the server's to say. */
export function checkTtl(method: string, ttlSeconds: number | null | undefined): void {
  if (ttlSeconds == null || (Number.isInteger(ttlSeconds) && ttlSeconds > 0)) return;
  throw new InvalidArgumentError(
    `${method}: ttl_seconds must be a positive whole number of seconds, and is ${ttlSeconds}`,
  );
}

/** The same for a TTL that is set by itself: null is never, and nothing is no answer. */
export function checkNewTtl(method: string, ttlSeconds: number | null | undefined): number | null {
  if (ttlSeconds === undefined)
    throw new InvalidArgumentError(`${method}: ttlSeconds must be a number, or null for never`);
  checkTtl(method, ttlSeconds);
  return ttlSeconds;
}
