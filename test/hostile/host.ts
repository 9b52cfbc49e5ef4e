import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** How the server gives an archive: in ranges that it honours, or as one stream without a validator. */
export type Serving = 'ranges' | 'stream';

/** An API of which every checkpoint's archive, or every exported file, is a body of the test's. */
export class HostileServer implements AsyncDisposable {
  readonly url: string;
  /** By the run id of the checkpoint. */
  readonly archives = new Map<string, { body: Buffer; serving: Serving }>();
  /** Files of exports, each with its body or the address that is told instead, by the run id of the checkpoint. */
  readonly exports = new Map<string, ReadonlyMap<string, string | URL>>();
  readonly #stop: () => Promise<void>;

  private constructor(url: string, stop: () => Promise<void>) {
    this.url = url;
    this.#stop = stop;
  }

  static async start(): Promise<HostileServer> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const hostile = new HostileServer(`http://127.0.0.1:${port}`, async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    });
    server.on('request', (request, response) => hostile.#answer(request, response));
    return hostile;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stop();
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    request.resume();
    response.on('error', () => undefined);
    const path = new URL(request.url ?? '/', this.url).pathname;
    const [, run = '', what] =
      /^\/api\/v1\/training_runs\/([^/]+)\/checkpoints\/.*\/(archive|external_weights_urls)$/.exec(path) ??
      [];
    const [, kind, file = '', index = ''] = /^\/(archives|files)\/([^/]+)(?:\/(\d+))?$/.exec(path) ?? [];
    if (what === 'archive' && this.archives.has(run)) {
      response.writeHead(302, { location: `${this.url}/archives/${run}?signature=s` }).end();
    } else if (what !== undefined && this.exports.has(run)) {
      sendJson(response, 200, {
        urls: this.#urlsOf(run),
        expires: new Date(Date.now() + 900_000).toISOString(),
      });
    } else if (kind === 'archives') {
      const { body = Buffer.alloc(0), serving = 'stream' } = this.archives.get(file) ?? {};
      sendBytes(request, response, body, serving);
    } else if (kind === 'files') {
      const [, content = ''] = [...(this.exports.get(file) ?? [])][Number(index)] ?? [];
      sendBytes(request, response, Buffer.from(String(content)), 'ranges');
    } else sendJson(response, path.endsWith('/client/config') ? 200 : 404, {});
  }

  #urlsOf(run: string): object {
    const files = [...(this.exports.get(run) ?? [])];
    // `fromEntries` defines `__proto__` as any other name, as a parser does.
    return Object.fromEntries(
      files.map(([name, content], index) => [
        name,
        content instanceof URL ? content.href : `${this.url}/files/${run}/${index}?signature=s`,
      ]),
    );
  }
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

function sendBytes(request: IncomingMessage, response: ServerResponse, body: Buffer, serving: Serving): void {
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? [];
  if (serving === 'stream' || first === undefined) {
    const headers = serving === 'stream' ? {} : { 'content-length': body.length, etag: '"one"' };
    response.writeHead(200, headers).end(body);
    return;
  }
  const start = Number(first);
  if (start >= body.length) {
    response.writeHead(416, { 'content-range': `bytes */${body.length}` }).end();
    return;
  }
  const end = last === '' || last === undefined ? body.length : Math.min(Number(last) + 1, body.length);
  response.writeHead(206, {
    etag: '"one"',
    'content-length': end - start,
    'content-range': `bytes ${start}-${end - 1}/${body.length}`,
  });
  response.end(body.subarray(start, end));
}
