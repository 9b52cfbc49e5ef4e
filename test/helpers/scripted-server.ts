import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { json } from 'node:stream/consumers';

export interface ScriptedRequest {
  method: string;
  /** Below `/api/v1`, with its query. */
  path: string;
  headers: IncomingHttpHeaders;
  body: unknown;
}

export interface ScriptedServer extends AsyncDisposable {
  url: string;
  /** What has arrived, as it was: keys and bodies included. */
  requests: ScriptedRequest[];
}

/** A body of status 200, or what a request is answered by then. */
export type ScriptedReply = object | ((request: ScriptedRequest) => { status: number; json?: object });

const defaults: Readonly<Record<string, object>> = {
  '/client/config': {},
  '/telemetry': { status: 'accepted' },
};

const notFound: ScriptedReply = () => ({ status: 404, json: { detail: 'not in the script' } });

/**
 * Answers each path of the API, or each method and path (`DELETE /x`), with what `replies` has for it by then, the handshake by
 * itself, and else with 404.
 */
export async function startScriptedServer(
  replies: Readonly<Record<string, ScriptedReply>>,
): Promise<ScriptedServer> {
  const requests: ScriptedRequest[] = [];
  const server = createServer((request, response) => {
    const { method = '', headers } = request;
    const path = request.url?.replace('/api/v1', '') ?? '';
    const [route = ''] = path.split('?');
    const hasBody = Number(request.headers['content-length'] ?? 0) > 0;
    (hasBody ? json(request) : Promise.resolve(undefined)).then(
      (body) => {
        const arrived = { method, path, headers, body };
        requests.push(arrived);
        const reply = replies[`${method} ${route}`] ?? replies[route] ?? defaults[route] ?? notFound;
        const { status, json: answer } =
          typeof reply === 'function' ? reply(arrived) : { status: 200, json: reply };
        response.writeHead(status, { 'content-type': 'application/json' });
        response.end(answer === undefined ? undefined : JSON.stringify(answer));
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
