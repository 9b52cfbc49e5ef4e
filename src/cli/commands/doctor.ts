import type { RestClient } from '../../client/rest-client.ts';
import { toShownUrl } from '../../core/shown-url.ts';
import { readStoredKey } from '../../core/stored-credentials.ts';
import { packageVersion } from '../../core/version.ts';
import { withService } from '../connect.ts';
import type { CommandContext } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { describeError } from '../render-error.ts';
import type { CommandResult } from '../result.ts';

interface Finding {
  name: string;
  state: 'ok' | 'warning' | 'problem';
  fact: string;
}

const marks = { ok: 'ok', warning: 'warning', problem: 'PROBLEM' };
const skewLimitMs = 60_000;

/** Looks at everything that a call needs: version, configuration (keys masked), the server, its clock, its models. */
export async function diagnose(context: CommandContext): Promise<CommandResult> {
  const findings = [
    ...describeRuntime(),
    ...(await describeConfiguration(context)),
    ...(await tryServer(context)),
  ];
  const isHealthy = findings.every(({ state }) => state !== 'problem');
  return {
    json: { healthy: isHealthy, findings },
    view: {
      table: {
        title: isHealthy ? 'All is well' : 'Something needs your attention',
        headers: ['Check', 'State', 'Fact'],
        rows: findings.map(({ name, state, fact }) => [name, marks[state], fact]),
      },
    },
    exitCode: isHealthy ? exitCodes.ok : exitCodes.failure,
  };
}

function describeRuntime(): Finding[] {
  return [
    { name: 'tinker-ts', state: 'ok', fact: packageVersion },
    { name: 'Node.js', state: 'ok', fact: `${process.versions.node} on ${process.platform} ${process.arch}` },
  ];
}

async function describeConfiguration({ environment, local }: CommandContext): Promise<Finding[]> {
  if (local !== undefined) return [{ name: 'Server', state: 'ok', fact: `local, data in ${local}` }];
  const { baseUrl, apiKey, credentialCommand, credentialsFile, proxy } = environment;
  const server: Finding = {
    name: 'Server',
    state: 'ok',
    fact: baseUrl === undefined ? 'the hosted service (TINKER_BASE_URL is not set)' : toShownUrl(baseUrl),
  };
  const proxies: Finding[] = Object.entries(proxy)
    .filter(([, value]) => value !== undefined)
    .map(([name]) => ({ name: `Proxy (${name})`, state: 'ok', fact: 'set in the environment' }));
  if (apiKey !== undefined)
    return [server, { name: 'Key', state: 'ok', fact: 'from TINKER_API_KEY (masked)' }, ...proxies];
  if (credentialCommand !== undefined)
    return [server, { name: 'Key', state: 'ok', fact: 'from TINKER_CREDENTIAL_CMD' }, ...proxies];
  try {
    const stored = await readStoredKey(credentialsFile);
    const key: Finding =
      stored === undefined
        ? { name: 'Key', state: 'problem', fact: 'none: set TINKER_API_KEY or run tinker-ts auth login' }
        : { name: 'Key', state: 'ok', fact: `stored in ${credentialsFile} (masked)` };
    return [server, key, ...proxies];
  } catch (error) {
    return [server, { name: 'Key', state: 'problem', fact: describeError(error) }, ...proxies];
  }
}

async function tryServer(context: CommandContext): Promise<Finding[]> {
  const { signal, clock } = context;
  const startedAt = clock.now();
  try {
    return await withService(context, async (rest) => {
      const connectedMs = clock.now() - startedAt;
      const { supported_models: models } = await rest.getServerCapabilities({ signal, retry: false });
      const names = models.flatMap(({ model_name }) => model_name ?? []);
      return [
        { name: 'Connection', state: 'ok', fact: `answered in ${connectedMs} ms` },
        await compareClocks(context, rest),
        {
          name: 'Models',
          state: names.length === 0 ? 'warning' : 'ok',
          fact: names.length === 0 ? 'the server offers none' : names.join(', '),
        },
      ];
    });
  } catch (error) {
    if (signal.aborted) throw error;
    return [{ name: 'Connection', state: 'problem', fact: describeError(error) }];
  }
}

/** Tokens and signed links live by the clock. */
async function compareClocks({ signal, clock }: CommandContext, rest: RestClient): Promise<Finding> {
  const { date } = await rest.getHealth({ signal, retry: false });
  const serverTime = Date.parse(date ?? '');
  if (Number.isNaN(serverTime))
    return { name: 'Clock', state: 'warning', fact: 'the server does not tell its time' };
  // HTTP tells full seconds.
  const skewMs = clock.now() - serverTime;
  const fact = `${Math.round(Math.abs(skewMs) / 1000)} s ${skewMs < 0 ? 'behind' : 'ahead of'} the server`;
  return Math.abs(skewMs) > skewLimitMs
    ? { name: 'Clock', state: 'problem', fact: `${fact}: set the clock of this machine` }
    : { name: 'Clock', state: 'ok', fact };
}
