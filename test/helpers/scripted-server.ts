import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { json } from 'node:stream/consumers';

export interface ScriptedRequest {
  path: string;
  headers: IncomingHttpHeaders;
  body: unknown;
}

export interface ScriptedServer extends AsyncDisposable {
  url: string;
  /** What has arrived, as it was: keys and bodies included. */
  requests: ScriptedRequest[];
}

const defaults: Readonly<Record<string, object>> = {
  '/client/config': {},
  '/telemetry': { status: 'accepted' },
};

/** Answers each path of the API with the JSON that `replies` has for it by then, the handshake by itself, and else with 404. */
export async function startScriptedServer(
  replies: Readonly<Record<string, object>>,
): Promise<ScriptedServer> {
  const requests: ScriptedRequest[] = [];
  const server = createServer((request, response) => {
    const path = request.url?.replace('/api/v1', '') ?? '';
    const hasBody = Number(request.headers['content-length'] ?? 0) > 0;
    (hasBody ? json(request) : Promise.resolve(undefined)).then(
      (body) => {
        requests.push({ path, headers: request.headers, body });
        const answer = replies[path] ?? defaults[path];
        response.writeHead(answer === undefined ? 404 : 200, { 'content-type': 'application/json' });
        response.end(JSON.stringify(answer ?? { detail: 'not in the script' }));
      },
      (error: unknown) => response.destroy(error instanceof Error ? error : undefined),
    );
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
