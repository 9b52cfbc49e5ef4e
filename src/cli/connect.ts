import type { RestClient } from '../client/rest-client.ts';
import { ServiceClient } from '../client/service-client.ts';
import type { ServiceOptions } from '../client/service-options.ts';
import { createLogger } from '../core/logger.ts';
import type { CommandContext } from './context.ts';

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
  const { format, signal, environment, local } = context;
  // In the JSON format standard error is for one JSON error: nothing is logged unless it is asked for.
  const level = environment.logLevel ?? (format === 'json' ? 'silent' : 'warn');
  const logger = createLogger(level, (line) => process.stderr.write(line));
  await using server = local === undefined ? undefined : await startLocalServer(local);
  const localOptions = server === undefined ? {} : { baseUrl: server.url, apiKey: 'tml-local' };
  await using service = await ServiceClient.connect(
    { logger, ...localOptions, ...options },
    { signal, retry: false },
  );
  service.on('retry.scheduled', ({ delayMs, reason }) =>
    context.note(`${reason}; trying again in ${Math.ceil(delayMs / 1000)} s`),
  );
  await using rest = await service.createRestClient({ signal });
  return await work(rest, service);
}

async function startLocalServer(dataDir: string) {
  const { createLocalServer } = await import('../server/index.ts');
  return createLocalServer({ dataDir, port: 0, host: '127.0.0.1' });
}
