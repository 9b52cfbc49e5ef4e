import type { RestClient } from '../../client/rest-client.ts';
import { parseTinkerPath } from '../../core/tinker-path.ts';
import { withService } from '../connect.ts';
import type { CommandContext } from '../context.ts';
import { UsageError } from '../errors.ts';
import type { CommandResult } from '../result.ts';

export interface TtlOptions {
  ttl?: number | undefined;
  remove?: boolean | undefined;
}

export function publishCheckpoint(context: CommandContext, path: string): Promise<CommandResult> {
  return change(context, path, {
    work: (rest) => rest.publishCheckpoint(path, { signal: context.signal }),
    told: `${path} is public now.`,
    json: { public: true },
  });
}

export function unpublishCheckpoint(context: CommandContext, path: string): Promise<CommandResult> {
  return change(context, path, {
    work: (rest) => rest.unpublishCheckpoint(path, { signal: context.signal }),
    told: `${path} is private now.`,
    json: { public: false },
  });
}

export async function setTtl(
  context: CommandContext,
  path: string,
  { ttl, remove = false }: TtlOptions,
): Promise<CommandResult> {
  const advice = 'Use --ttl to set an expiration or --remove to clear it.';
  if (ttl === undefined && !remove) throw new UsageError('Give either --ttl <seconds> or --remove.', advice);
  if (ttl !== undefined && remove) throw new UsageError('Give only one of --ttl and --remove.', advice);
  const ttlSeconds = ttl ?? null;
  return change(context, path, {
    work: (rest) => rest.setCheckpointTtl(path, ttlSeconds, { signal: context.signal }),
    told: ttl === undefined ? `${path} is kept.` : `${path} may be deleted ${ttl} s from now.`,
    json: { ttl_seconds: ttlSeconds },
  });
}

interface Change {
  work: (rest: RestClient) => Promise<void>;
  /** For the person at a terminal; scripts that know the official program expect silence. */
  told: string;
  json: object;
}

async function change(
  context: CommandContext,
  path: string,
  { work, told, json }: Change,
): Promise<CommandResult> {
  parseTinkerPath(path);
  await withService(context, work);
  if (process.stderr.isTTY) context.note(told);
  return { json: { tinker_path: path, ...json }, view: { lines: [] } };
}
