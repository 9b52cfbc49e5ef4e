import { ServiceClient, type ServiceOptions } from '../../src/index.ts';
import { recordingLogger, type LogLine } from './quiet-logger.ts';
import { startScriptedServer, type ScriptedReply, type ScriptedRequest } from './scripted-server.ts';

export interface ScriptedService extends AsyncDisposable {
  service: ServiceClient;
  /** What clients logged. */
  logs: LogLine[];
  /** What has arrived at a path, in order; whatever the query says. */
  sentTo(path: string): ScriptedRequest[];
}

/** A service on a server whose answers the test decides, for what the local server has not or does not do. */
export async function connectScripted(
  replies: Readonly<Record<string, ScriptedReply>>,
  options: ServiceOptions = {},
): Promise<ScriptedService> {
  await using starting = new AsyncDisposableStack();
  const server = starting.use(await startScriptedServer(replies));
  const logger = recordingLogger();
  const connection = { baseUrl: server.url, apiKey: 'tml-own', telemetry: false, logger };
  const service = starting.use(await ServiceClient.connect({ ...connection, ...options }));
  const resources = starting.move();
  return {
    service,
    logs: logger.lines,
    sentTo: (path) => server.requests.filter((request) => request.path.split('?')[0] === path),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}
