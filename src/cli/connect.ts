import type { RestClient } from '../client/rest-client.ts';
import type { ServiceClient } from '../client/service-client.ts';
import type { ServiceOptions } from '../client/service-options.ts';
import { TinkerError } from '../core/errors.ts';
import type { CommandContext } from './context.ts';
import { CommandError } from './errors.ts';
import { commandLogger } from './logger.ts';

/**
 * Runs `work` with clients of the server that the environment names, or of a local one with `--local`, and closes them. No
 * session is made. A server that cannot be reached is reported at once; later failures that may pass are tried again, and
 * the person is told.
 */
export async function withService<Value>(
  context: CommandContext,
  work: (rest: RestClient, service: ServiceClient) => Promise<Value>,
  options: Pick<ServiceOptions, 'apiKey' | 'downloadConcurrency'> = {},
): Promise<Value> {
  const { signal, local } = context;
  const logger = commandLogger(context);
  await using server = local === undefined ? undefined : await startLocalServer(local);
  const localOptions = server === undefined ? {} : { baseUrl: server.url, apiKey: 'tml-local' };
  const Service = await loadServiceClient();
  await using service = await Service.connect(
    { logger, ...localOptions, ...options },
    { signal, retry: false },
  );
  service.on('retry.scheduled', ({ delayMs, reason }) =>
    context.note(`${reason}; trying again in ${Math.ceil(delayMs / 1000)} s`),
  );
  await using rest = await service.createRestClient({ signal });
  return await work(rest, service);
}

async function loadServiceClient(): Promise<typeof ServiceClient> {
  const { leaveChecksUncompiled } = await import('../core/uncompiled-checks.ts');
  leaveChecksUncompiled();
  return (await import('../client/service-client.ts')).ServiceClient;
}

async function startLocalServer(dataDir: string) {
  const { createLocalServer } = await import('../server/index.ts');
  try {
    return await createLocalServer({ dataDir, port: 0, host: '127.0.0.1' });
  } catch (error) {
    if (!TinkerError.isInstance(error)) throw error;
    const hint = 'Choose another folder with --local-data-dir.';
    throw new CommandError('file_access', error.message, hint, error);
  }
}
