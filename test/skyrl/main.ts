// Runs every public method of our client, by name, against the local server and against SkyRL: `npm run test:skyrl`. What a
// server does not have must come back as its own refusal; anything else that is no success is a failure. Needs Python 3.12
// with venv and pip.
import { mkdtempDisposable } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ServiceClient, packageVersion } from '../../src/index.ts';
import { serveLocally } from '../python/local-serve.ts';
import { concludeResults } from '../python/results.ts';
import type { ProgramResults } from '../../scripts/compatibility/results.ts';
import { skyrlModel, skyrlVersion, startSkyrl } from './skyrl-server.ts';
import { Stage } from './stage.ts';
import { trySteps } from './try-steps.ts';

/** A step takes a second or two; the first ones on SkyRL compile its model. */
const requestTimeoutMs = 120_000;

await using served = await serveLocally('--alias', `${skyrlModel}=local/stories-1m`);
await using folder = await mkdtempDisposable(path.join(tmpdir(), 'tinker-skyrl-'));
const local = await tryServer('tinker-ts serve', served.url, 'local/stories-1m');
await using skyrl = await startSkyrl(folder.path);
const other = await tryServer(`SkyRL ${skyrlVersion}`, skyrl.url, skyrlModel);
await concludeResults('our-sdk', [local, other]);

async function tryServer(server: string, url: string, baseModel: string): Promise<ProgramResults> {
  await using services = new AsyncDisposableStack();
  const connect = async (apiKey: string): Promise<ServiceClient> => {
    const connection = { baseUrl: url, apiKey, hubEndpoint: served.url, requestTimeoutMs };
    return services.use(await ServiceClient.connect(connection));
  };
  const service = await connect('tml-local');
  const stage = new Stage({ service, baseModel, folder: path.join(folder.path, server), connect });
  const results = await trySteps(stage, ({ group, name, state, note }) =>
    process.stdout.write(`${server}: ${group} ${name}: ${state} ${note}\n`),
  );
  return { program: `tinker-ts ${packageVersion} on ${server}`, results };
}
