import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer, Server as TlsServer } from 'node:https';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';

/** What one request gets instead of the plain answer: the next one, or the next whose range begins at `from`. */
export type Effect = { from?: number } & (
  | { kind: 'reply'; status: number; headers?: Record<string, string>; body?: string }
  /** The connection breaks after so many bytes of the body. */
  | { kind: 'cut'; afterBytes: number }
  /** So many bytes of the body, then nothing until `until` resolves. */
  | { kind: 'hold'; afterBytes: number; until: Promise<void> }
  /** The whole archive with 200, whatever range was asked for. */
  | { kind: 'wholeArchive' }
  /** 206 that begins elsewhere than asked. */
  | { kind: 'wrongRange' }
);

export interface RecordedRequest {
  path: string;
  signature: string | null;
  range: string | undefined;
  ifRange: string | undefined;
  headers: IncomingHttpHeaders;
}

/** A store of signed archives on 127.0.0.1: ranges and validators honoured, faults by the list. */
export class ArchiveServer implements AsyncDisposable {
  readonly requests: RecordedRequest[] = [];
  /** Taken one by one, a request each, before the plain answer. */
  readonly effects: Effect[] = [];
  /** Archives by path; a test may replace one while it runs. */
  readonly archives = new Map<
    string,
    {
      content: Buffer;
      etag: string | undefined;
      announceLength?: boolean;
      /** What ranges are said to be of; that of the content by default. */
      sizeBytes?: number;
      headers?: Record<string, string>;
    }
  >();
  /** How many answers are under way now, and the most there were. */
  activeCount = 0;
  mostActiveCount = 0;
  /** Connections that were ever made. */
  connectionCount = 0;
  readonly #server: Server | TlsServer;
  #signature = 1;

  private constructor(server: Server | TlsServer) {
    this.#server = server;
    server.on('connection', () => this.connectionCount++);
    server.on('request', (request, response) => void this.#answer(request, response));
  }

  /** With a certificate it speaks TLS. */
  static async start(certificate?: { cert: string; key: string }): Promise<ArchiveServer> {
    const server = certificate === undefined ? createServer() : createTlsServer(certificate);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new ArchiveServer(server);
  }

  put(path: string, content: Buffer, etag: string | undefined = '"one"'): void {
    this.archives.set(path, { content, etag });
  }

  /** A URL that is good until `expireUrls`. */
  signedUrl(path: string): string {
    const { port } = this.#server.address() as AddressInfo;
    const scheme = this.#server instanceof TlsServer ? 'https' : 'http';
    return `${scheme}://127.0.0.1:${port}${path}?signature=secret-${this.#signature}`;
  }

  /** Every URL given so far answers 403 from now on. */
  expireUrls(): void {
    this.#signature++;
  }

  /** Closes kept connections, of which clients may not know yet. */
  closeIdle(): void {
    this.#server.closeIdleConnections();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on('error', () => undefined);
    const url = new URL(request.url ?? '/', 'http://127.0.0.1');
    const signature = url.searchParams.get('signature');
    const range = request.headers.range;
    const ifRange = request.headers['if-range'];
    this.requests.push({
      path: url.pathname,
      signature,
      range,
      ifRange: typeof ifRange === 'string' ? ifRange : undefined,
      headers: request.headers,
    });
    const effect = this.#takeEffect(range);
    this.activeCount++;
    this.mostActiveCount = Math.max(this.mostActiveCount, this.activeCount);
    response.on('close', () => this.activeCount--);
    if (effect?.kind === 'reply') response.writeHead(effect.status, effect.headers).end(effect.body);
    else if (signature !== `secret-${this.#signature}`)
      response.writeHead(403).end('<Error>Request has expired</Error>');
    else
      await this.#send(
        url.pathname,
        range,
        typeof ifRange === 'string' ? ifRange : undefined,
        response,
        effect,
      );
  }

  #takeEffect(range: string | undefined): Effect | undefined {
    const start = Number(/^bytes=(\d+)/.exec(range ?? '')?.[1]);
    const index = this.effects.findIndex(({ from = start }) => Object.is(from, start));
    return index < 0 ? undefined : this.effects.splice(index, 1)[0];
  }

  async #send(
    path: string,
    range: string | undefined,
    ifRange: string | undefined,
    response: ServerResponse,
    effect: Exclude<Effect, { kind: 'reply' }> | undefined,
  ): Promise<void> {
    const archive = this.archives.get(path);
    if (archive === undefined) {
      response.writeHead(404).end();
      return;
    }
    const { content, etag, announceLength = true, sizeBytes = content.length, headers } = archive;
    const asked = effect?.kind === 'wholeArchive' ? null : /^bytes=(\d+)-(\d*)$/.exec(range ?? '');
    const isPart = asked !== null && (ifRange === undefined || ifRange === etag);
    const start = (isPart ? Number(asked[1]) : 0) + (effect?.kind === 'wrongRange' ? 1 : 0);
    if (isPart && start >= content.length) {
      response.writeHead(416, { 'content-range': `bytes */${content.length}` }).end();
      return;
    }
    const last =
      isPart && asked[2] !== '' ? Math.min(Number(asked[2]), content.length - 1) : content.length - 1;
    const body = content.subarray(start, last + 1);
    response.writeHead(isPart ? 206 : 200, {
      ...headers,
      ...(etag === undefined ? {} : { etag }),
      ...(announceLength ? { 'content-length': String(body.length) } : {}),
      ...(isPart ? { 'content-range': `bytes ${start}-${last}/${sizeBytes}` } : {}),
    });
    if (effect?.kind === 'cut') {
      response.write(body.subarray(0, effect.afterBytes), () => response.destroy());
    } else if (effect?.kind === 'hold') {
      if (effect.afterBytes > 0) response.write(body.subarray(0, effect.afterBytes));
      else response.flushHeaders();
      await effect.until;
      response.end(body.subarray(effect.afterBytes));
    } else {
      response.end(body);
    }
  }
}
