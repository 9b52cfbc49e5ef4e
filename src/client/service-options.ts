import { checkOptionNames, type ConnectionOptions } from '../core/config.ts';
import type { Environment } from '../core/env.ts';
import { InvalidArgumentError } from '../core/errors.ts';
import { protocolVersion } from '../core/version.ts';
import type { CreateSessionRequest } from '../types/sessions.ts';

export interface ServiceOptions extends ConnectionOptions {
  /** The project that the session belongs to. Default: `TINKER_PROJECT_ID`. */
  project_id?: string | undefined;
  /** Attached to the session. */
  user_metadata?: Record<string, string> | undefined;
  /** A name for the session, for lists and search. */
  display_name?: string | undefined;
  /** Default: the comma-separated `TINKER_TAGS`. */
  tags?: readonly string[] | undefined;
  /** How training requests travel; `auto` (default) is protobuf until a server turns out to know only JSON. */
  wireFormat?: 'auto' | 'protobuf' | 'json' | undefined;
  /** Root of the model hub that tokenizers come from. Default: `HF_ENDPOINT`, then the server itself, then the public hub. */
  hubEndpoint?: string | undefined;
  /** Tells the service which calls failed, without keys, prompts or bodies. Default: `TINKER_TELEMETRY`, else on. */
  telemetry?: boolean | undefined;
  /** A span of OpenTelemetry for each call, and its trace context sent along; needs the package @opentelemetry/api. */
  tracing?: boolean | undefined;
  /** Certificate authorities in PEM, in place of the default ones; `NODE_EXTRA_CA_CERTS` adds to those. */
  ca?: string | undefined;
  /** How many checkpoints are downloaded at once; 4 by default. */
  downloadConcurrency?: number | undefined;
}

const optionNames = [
  'baseUrl',
  'apiKey',
  'credentialCommand',
  'headers',
  'requestTimeoutMs',
  'logger',
  'clock',
  'random',
  'project_id',
  'user_metadata',
  'display_name',
  'tags',
  'wireFormat',
  'hubEndpoint',
  'ca',
  'tracing',
  'telemetry',
  'downloadConcurrency',
];

export function checkServiceOptions(options: ServiceOptions): void {
  checkOptionNames('ServiceClient.connect', options, optionNames);
  const { wireFormat = 'auto' } = options;
  if (!['auto', 'protobuf', 'json'].includes(wireFormat)) {
    throw new InvalidArgumentError(
      `wireFormat must be auto, protobuf or json, and is ${JSON.stringify(wireFormat)}`,
    );
  }
}

export function toSessionRequest(options: ServiceOptions, environment: Environment): CreateSessionRequest {
  return {
    tags: [...(options.tags ?? environment.tags)],
    user_metadata: options.user_metadata ?? {},
    sdk_version: protocolVersion,
    project_id: options.project_id || environment.projectId,
    display_name: options.display_name,
  };
}
