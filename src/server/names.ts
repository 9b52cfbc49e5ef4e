import { HttpError } from './errors.ts';

/** Names of checkpoints become folder names: letters, digits, `_`, `-` and inner dots, so that none can leave its folder. */
const safeName = /^[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_-])?$/;
const maxNameLength = 200;

export function checkCheckpointName(name: string): string {
  if (safeName.test(name) && name.length <= maxNameLength) return name;
  throw new HttpError(
    422,
    `Invalid checkpoint name ${JSON.stringify(name.slice(0, 100))}: use letters, digits, _, - and inner dots, at most ${maxNameLength}`,
  );
}

/** One hour to ten years, as the service documents it. */
const ttlSeconds = { min: 3600, max: 10 * 365 * 24 * 3600 };

/** When a checkpoint of this `ttl_seconds` expires; null never. `statusCode` is what a refusal answers. */
export function toExpiry(ttl: number | null | undefined, now: number, statusCode: number): number | null {
  if (ttl === null || ttl === undefined) return null;
  if (ttl < ttlSeconds.min || ttl > ttlSeconds.max) {
    throw new HttpError(
      statusCode,
      `ttl_seconds must be between ${ttlSeconds.min} (one hour) and ${ttlSeconds.max} (ten years)`,
    );
  }
  return now + ttl * 1000;
}

/** The session that a model or a sampler belongs to, which their ids begin with. */
export function sessionOf(id: string): string | undefined {
  return /^(.+):(?:train|sample):\d+$/.exec(id)?.[1];
}
