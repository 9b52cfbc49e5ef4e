import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ServiceClient, type ServiceOptions } from '../../src/index.ts';
import { createLocalServer, type LocalServer, type LocalServerOptions } from '../../src/server/index.ts';
import { recordingLogger, type LogLine } from './quiet-logger.ts';

export interface LocalService extends AsyncDisposable {
  server: LocalServer;
  /** A folder of the test's own; the server's data is below it. */
  folder: string;
  /** What clients logged. */
  logs: LogLine[];
  /** Another service on the same server; closed with everything else. */
  connect(options?: ServiceOptions): Promise<ServiceClient>;
}

/** A local server in a temporary folder, and services that speak to it. */
export async function startLocalService(options: Partial<LocalServerOptions> = {}): Promise<LocalService> {
  await using starting = new AsyncDisposableStack();
  const folder = await mkdtemp(path.join(tmpdir(), 'tinker-test-'));
  starting.defer(() => rm(folder, { recursive: true, force: true }));
  const server = starting.use(await createLocalServer({ dataDir: path.join(folder, 'data'), ...options }));
  const logger = recordingLogger();
  const resources = starting.move();
  return {
    server,
    folder,
    logs: logger.lines,
    async connect(serviceOptions = {}) {
      const connection = { baseUrl: server.url, apiKey: 'tml-test', logger };
      return resources.use(await ServiceClient.connect({ ...connection, ...serviceOptions }));
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

/** A refusal that the client may try again after a millisecond. */
export function briefOutage(status: number): {
  kind: 'reply';
  status: number;
  headers: Record<string, string>;
  body: object;
} {
  return { kind: 'reply', status, headers: { 'retry-after-ms': '1' }, body: { detail: 'out for a moment' } };
}
