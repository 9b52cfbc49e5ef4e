import path from 'node:path';
import { ServiceClient } from '../../src/index.ts';
import { createLocalServer } from '../../src/server/index.ts';

export interface OpenService extends AsyncDisposable {
  service: ServiceClient;
  baseModel: string;
  /** Where the service is and its key, for other processes. */
  baseUrl: string;
  apiKey: string;
  /** What was opened, for people. */
  description: string;
}

/**
 * The server that an example runs on: the one of TINKER_BASE_URL and TINKER_API_KEY when a key is set, else a local server
 * that the example starts, with its data in ./tinker-data. `--base-model NAME` chooses the model.
 */
export async function openService(): Promise<OpenService> {
  await using opening = new AsyncDisposableStack();
  const { TINKER_API_KEY, TINKER_BASE_URL } = process.env;
  const remote = Boolean(TINKER_API_KEY);
  const dataDir = path.resolve('tinker-data');
  const server = remote ? undefined : opening.use(await createLocalServer({ dataDir }));
  const apiKey = server === undefined ? (TINKER_API_KEY ?? '') : 'tml-local';
  const options = server === undefined ? {} : { baseUrl: server.url, apiKey };
  const service = opening.use(await ServiceClient.connect(options));
  const baseModel = await chooseModel(service);
  const resources = opening.move();
  return {
    service,
    baseModel,
    baseUrl: server?.url ?? TINKER_BASE_URL ?? '',
    apiKey,
    description:
      server === undefined ? (TINKER_BASE_URL ?? 'the hosted service') : `${server.url} (data in ${dataDir})`,
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

async function chooseModel(service: ServiceClient): Promise<string> {
  const position = process.argv.indexOf('--base-model');
  const wanted = position < 0 ? undefined : process.argv[position + 1];
  if (wanted !== undefined) return wanted;
  const { supported_models } = await service.getServerCapabilities();
  const names = supported_models
    .filter(({ trainable }) => trainable !== false)
    .map(({ model_name }) => model_name ?? '');
  const name = names.find((candidate) => candidate === 'local/stories-1m') ?? names[0];
  if (name === undefined) throw new Error('the server offers no model that can be trained');
  return name;
}
