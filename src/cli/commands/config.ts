import { defaultBaseUrl } from '../../core/config.ts';
import { setVariables, type Environment } from '../../core/env.ts';
import type { Secret } from '../../core/secret.ts';
import { toShownUrl } from '../../core/shown-url.ts';
import { readStoredKey } from '../../core/stored-credentials.ts';
import type { CommandContext } from '../context.ts';
import { onePage } from '../list-pages.ts';
import { printList } from '../print-list.ts';
import type { ListColumn } from '../result.ts';

interface Setting {
  name: string;
  /** As it may be shown: a secret is masked. Null where nothing is set. */
  value: string | null;
  /** A variable, an option, a file, or `default`. */
  source: string;
}

/** What holds for a command that is run now, and where it comes from. Asks no server. */
export async function showConfig(context: CommandContext): Promise<void> {
  const settings = await readSettings(context);
  await printList(context, {
    pages: onePage(settings),
    limit: 0,
    nouns: 'settings',
    columns,
    title: () => '',
    toJson: (setting) => setting,
    toDocument: (all) => ({ settings: all }),
  });
}

const columns: readonly ListColumn<Setting>[] = [
  { header: 'Setting', field: 'name', value: ({ name }) => name },
  { header: 'Value', field: 'value', value: ({ value }) => value, cell: ({ value }) => value ?? 'not set' },
  { header: 'From', field: 'source', value: ({ source }) => source },
];

async function readSettings({ environment, local, format, args }: CommandContext): Promise<Setting[]> {
  const names = setVariables();
  const { cloudflareAccess, proxy, hubTokenFiles, tags } = environment;
  /** The first of `variables` that is set is where a value comes from. */
  const from = (name: string, value: string | undefined, ...variables: string[]): Setting => ({
    name,
    value: value ?? null,
    source: variables.find((variable) => names.has(variable)) ?? 'default',
  });
  const server: Setting =
    local === undefined
      ? from('base_url', toShownUrl(environment.baseUrl ?? defaultBaseUrl), 'TINKER_BASE_URL')
      : { name: 'base_url', value: `a server started for the command, data in ${local}`, source: '--local' };
  const isFormatGiven = args.some((text) => /^(-f|--format|--json)/.test(text));
  return [
    server,
    await describeKey(environment, local),
    from('credential_command', mask(environment.credentialCommand), 'TINKER_CREDENTIAL_CMD'),
    from('credentials_file', environment.credentialsFile, 'HOME', 'USERPROFILE'),
    from('project_id', environment.projectId, 'TINKER_PROJECT_ID'),
    from('tags', tags.length === 0 ? undefined : tags.join(','), 'TINKER_TAGS'),
    from('telemetry', environment.telemetry ? 'on' : 'off', 'TINKER_TELEMETRY'),
    from('log_level', environment.logLevel ?? 'warn', ...(environment.logLevel ? ['TINKER_LOG'] : [])),
    from('cloudflare_access_client_id', mask(cloudflareAccess.clientId), 'CLOUDFLARE_ACCESS_CLIENT_ID'),
    from(
      'cloudflare_access_client_secret',
      mask(cloudflareAccess.clientSecret),
      'CLOUDFLARE_ACCESS_CLIENT_SECRET',
    ),
    from('hub_endpoint', environment.hubEndpoint && toShownUrl(environment.hubEndpoint), 'HF_ENDPOINT'),
    from('hub_token', mask(environment.hubToken), 'HF_TOKEN', 'HUGGING_FACE_HUB_TOKEN'),
    from('hub_token_files', hubTokenFiles.join(','), 'HF_TOKEN_PATH', 'HF_HOME'),
    from('proxy_http', proxy.http && toShownUrl(proxy.http), 'http_proxy', 'HTTP_PROXY'),
    from('proxy_https', proxy.https && toShownUrl(proxy.https), 'https_proxy', 'HTTPS_PROXY'),
    from('no_proxy', proxy.except, 'no_proxy', 'NO_PROXY'),
    { name: 'format', value: format, source: isFormatGiven ? '--format' : 'default' },
    from(
      'color',
      environment.noColor ? 'never' : environment.forceColor ? 'always' : 'at a terminal',
      'NO_COLOR',
      'FORCE_COLOR',
    ),
    from('columns', environment.columns === undefined ? undefined : String(environment.columns), 'COLUMNS'),
  ];
}

/** In the order in which the program looks for it. */
async function describeKey(
  { apiKey, credentialCommand, credentialsFile }: Environment,
  local: string | undefined,
): Promise<Setting> {
  const name = 'api_key';
  if (local !== undefined) return { name, value: 'none is needed', source: '--local' };
  if (apiKey !== undefined) return { name, value: masked, source: 'TINKER_API_KEY' };
  if (credentialCommand !== undefined)
    return { name, value: 'what the command prints', source: 'TINKER_CREDENTIAL_CMD' };
  const stored = await readStoredKey(credentialsFile);
  if (stored === undefined) return { name, value: null, source: 'default' };
  return { name, value: masked, source: credentialsFile };
}

/** Tells not even how long a secret is. */
const masked = '********';

function mask(secret: Secret | undefined): string | undefined {
  return secret === undefined ? undefined : masked;
}
