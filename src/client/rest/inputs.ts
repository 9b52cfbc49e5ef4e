import { checkOptionNames } from '../../core/config.ts';
import { InvalidArgumentError } from '../../core/errors.ts';
import { parseTinkerPath, type TinkerPath } from '../../core/tinker-path.ts';
import type { AccessScope } from '../../types/runs.ts';
import type { SessionSearchInput } from '../../types/session-search.ts';
import { searchSessionsRequestSchema } from '../../types/sessions.ts';
import { loraConfigSchema } from '../../types/training.ts';
import type { CopyWeightsRequest, ExternalWeightsUploadInput } from '../../types/weights.ts';
import { checkTtl } from '../ttl.ts';

export interface ListOptions {
  /** Items per page. */
  limit?: number | undefined;
  /** Where to begin. */
  offset?: number | undefined;
}

export interface ScopeOptions {
  /** `owned` (default), or `accessible`: also what others shared. */
  access_scope?: AccessScope | undefined;
}

export interface CopyWeightsInput {
  /** Where the copy goes; the project of the service by default. */
  destination_project_id?: string | undefined;
  /** Seconds until the copy may be deleted, from an hour to ten years; never by default. */
  ttl_seconds?: number | undefined;
  /** Credential of an account that can read the weights, when it is another. */
  weights_access_token?: string | undefined;
}

export function notEmpty(name: string, value: string): string {
  if (typeof value === 'string' && value !== '') return value;
  throw new InvalidArgumentError(`${name} must not be empty`);
}

/** A path of external weights, which alone have a link for each file. */
export function parseExternalPath(tinkerPath: string): TinkerPath {
  const path = parseTinkerPath(tinkerPath);
  if (path.checkpoint_type === 'external') return path;
  throw new InvalidArgumentError(
    `only external weights (tinker://run/external_weights/name) have a link for each file, not ${tinkerPath}`,
  );
}

/** Refuses filters that do not exist, and pages that are none. */
export function checkList<Query extends ListOptions>(
  method: string,
  query: Query,
  others: readonly string[] = [],
): Query {
  checkOptionNames(method, query, ['limit', 'offset', ...others]);
  for (const name of ['limit', 'offset'] as const) {
    const value = query[name];
    if (value !== undefined && (!Number.isInteger(value) || value < (name === 'limit' ? 1 : 0))) {
      throw new InvalidArgumentError(
        `${name} must be ${name === 'limit' ? 'a positive' : 'no negative'} integer, and is ${value}`,
      );
    }
  }
  return query;
}

/** Fills in the defaults, which the server wants to be told. */
export function checkSearch(search: SessionSearchInput): SessionSearchInput {
  checkOptionNames('searchSessions', search, Object.keys(searchSessionsRequestSchema.shape));
  return parsed('searchSessions', searchSessionsRequestSchema.safeParse(search));
}

export function toCopyRequest(
  source_path: string,
  input: CopyWeightsInput,
  projectId: string | undefined,
): CopyWeightsRequest {
  checkOptionNames('copyWeights', input, ['destination_project_id', 'ttl_seconds', 'weights_access_token']);
  const { ttl_seconds } = input;
  parseTinkerPath(source_path);
  checkTtl('copyWeights', ttl_seconds);
  const destination_project_id = input.destination_project_id || projectId;
  if (destination_project_id !== undefined) return { destination_project_id, source_path, ttl_seconds };
  throw new InvalidArgumentError(
    'copyWeights needs a project for the copy: give destination_project_id, or set TINKER_PROJECT_ID',
  );
}

/** Fills in what the server wants to be told of the adapter. */
export function checkUpload(input: ExternalWeightsUploadInput): ExternalWeightsUploadInput {
  const fields = ['base_model', 'lora_config', 'destination_project_id'];
  checkOptionNames('externalWeightsUploadStart', input, fields);
  notEmpty('base_model', input.base_model);
  return { ...input, lora_config: parsed('lora_config', loraConfigSchema.safeParse(input.lora_config)) };
}

function parsed<Value>(
  what: string,
  result:
    | { success: true; data: Value }
    | { success: false; error: { issues: readonly { path: readonly PropertyKey[]; message: string }[] } },
): Value {
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new InvalidArgumentError(
    `${what}: ${issue?.path.join('.') ?? ''} ${issue?.message ?? 'is not valid'}`,
  );
}
