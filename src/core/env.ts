import { homedir } from 'node:os';
import path from 'node:path';
import type { LogLevel } from './logger.ts';
import { logLevels } from './logger.ts';
import { toSecret, type Secret } from './secret.ts';

/** What the environment says; an empty value counts as unset (wire-protocol 1.2). */
export interface Environment {
  apiKey?: Secret | undefined;
  /** Prints a credential when the shell runs it. */
  credentialCommand?: Secret | undefined;
  /** Where the official program keeps keys. */
  credentialsFile: string;
  /** For servers behind Cloudflare Access: each goes with every request in a header of its own. */
  cloudflareAccess: { clientId?: Secret | undefined; clientSecret?: Secret | undefined };
  telemetry: boolean;
  baseUrl?: string | undefined;
  projectId?: string | undefined;
  tags: string[];
  logLevel?: LogLevel | undefined;
  /** Root of the model hub that tokenizers come from. */
  hubEndpoint?: string | undefined;
  /** Who uploads there; otherwise the first of the files that has a token. */
  hubToken?: Secret | undefined;
  hubTokenFiles: string[];
  proxy: ProxyEnvironment;
  noColor: boolean;
  /** Colors even where no terminal shows them; `NO_COLOR` wins. */
  forceColor: boolean;
  /** How wide tables may be, whatever the terminal says. */
  columns?: number | undefined;
  /** Whether npm runs this program as a script, through a shell of its own. */
  isNpmScript: boolean;
}

/** Proxies by scheme, and the hosts that are reached without one (`NO_PROXY`). */
export interface ProxyEnvironment {
  http?: string | undefined;
  https?: string | undefined;
  except?: string | undefined;
}

/** Names of the variables that are set: where a value of `readEnvironment` comes from. An empty one counts as unset. */
export function setVariables(variables: NodeJS.ProcessEnv = process.env): ReadonlySet<string> {
  return new Set(Object.keys(variables).filter((name) => variables[name] !== ''));
}

/** The one place that reads `process.env`. */
export function readEnvironment(variables: NodeJS.ProcessEnv = process.env): Environment {
  const level = variables['TINKER_LOG']?.toLowerCase();
  const home = variables['HOME'] || variables['USERPROFILE'] || homedir();
  const hubHome = variables['HF_HOME'];
  const hubTokenFile = variables['HF_TOKEN_PATH'] || (hubHome ? path.join(hubHome, 'token') : undefined);
  return {
    apiKey: toSecret(variables['TINKER_API_KEY']),
    credentialCommand: toSecret(variables['TINKER_CREDENTIAL_CMD']),
    credentialsFile: path.join(home, '.tinker', 'credentials.json'),
    cloudflareAccess: {
      clientId: toSecret(variables['CLOUDFLARE_ACCESS_CLIENT_ID']),
      clientSecret: toSecret(variables['CLOUDFLARE_ACCESS_CLIENT_SECRET']),
    },
    telemetry: /^(1|true|yes|on)$/i.test(variables['TINKER_TELEMETRY'] ?? '1'),
    baseUrl: variables['TINKER_BASE_URL'] || undefined,
    projectId: variables['TINKER_PROJECT_ID'] || undefined,
    tags: [...new Set((variables['TINKER_TAGS'] ?? '').split(',').filter((tag) => tag !== ''))],
    logLevel: logLevels.find((name) => name === level),
    hubEndpoint: variables['HF_ENDPOINT'] || undefined,
    hubToken: toSecret(variables['HF_TOKEN'] || variables['HUGGING_FACE_HUB_TOKEN']),
    hubTokenFiles: [
      ...(hubTokenFile === undefined ? [] : [hubTokenFile]),
      path.join(home, '.cache', 'huggingface', 'token'),
    ],
    proxy: {
      http: variables['http_proxy'] || variables['HTTP_PROXY'] || undefined,
      https: variables['https_proxy'] || variables['HTTPS_PROXY'] || undefined,
      except: variables['no_proxy'] || variables['NO_PROXY'] || undefined,
    },
    noColor: (variables['NO_COLOR'] ?? '') !== '',
    forceColor: !['', '0', 'false'].includes(variables['FORCE_COLOR'] ?? ''),
    columns: Number.parseInt(variables['COLUMNS'] ?? '', 10) || undefined,
    isNpmScript: (variables['npm_lifecycle_event'] ?? '') !== '',
  };
}
