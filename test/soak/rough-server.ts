import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { archiveOf, filesOf, sha256, type SoakCheckpoint } from './plan.ts';

export interface RoughOptions {
  checkpoints: readonly SoakCheckpoint[];
  seed: number;
  /** Which part of the answers is cut at a random place, and which of the addresses expires before its time. */
  cutShare: number;
  earlyExpiryShare: number;
  /** How long an address is good. */
  urlLifetimeMs: number;
}

/** An API and its files, with connections that are cut and addresses that expire, as the seed has it. */
export class RoughServer implements AsyncDisposable {
  readonly counts = { requests: 0, cuts: 0, refusedUrls: 0, sentBytes: 0 };
  readonly url: string;
  readonly #options: RoughOptions;
  readonly #byRun: ReadonlyMap<string, SoakCheckpoint>;
  readonly #stop: () => Promise<void>;
  /** The bodies that were last asked for. */
  readonly #bodies = new Map<string, Buffer>();
  #state: number;

  private constructor(url: string, options: RoughOptions, stop: () => Promise<void>) {
    this.url = url;
    this.#options = options;
    this.#byRun = new Map(options.checkpoints.map((checkpoint) => [checkpoint.run, checkpoint]));
    this.#state = options.seed;
    this.#stop = stop;
  }

  static async start(options: RoughOptions): Promise<RoughServer> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const rough = new RoughServer(`http://127.0.0.1:${port}`, options, async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    });
    server.on('request', (request, response) => rough.#answer(request, response));
    return rough;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stop();
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    request.resume();
    response.on('error', () => undefined);
    const url = new URL(request.url ?? '/', this.url);
    const path = decodeURIComponent(url.pathname);
    const [, run = '', route] =
      /^\/api\/v1\/training_runs\/([^/]+)\/checkpoints\/\w+\/final\/(archive|external_weights_urls)$/.exec(
        path,
      ) ?? [];
    const checkpoint = this.#byRun.get(run);
    if (path.startsWith('/files/')) this.#sendFile(request, response, url, path);
    else if (route === 'archive' && checkpoint?.kind === 'sampler_weights') {
      const { address, expires } = this.#sign(`/files/${run}/archive.tar`);
      response.writeHead(302, { location: address, expires: expires.toUTCString() }).end();
    } else if (route === 'external_weights_urls' && checkpoint?.kind === 'external_weights') {
      const names = [...filesOf(checkpoint).keys()];
      const signed = names.map((name) => [name, this.#sign(`/files/${run}/${name}`)] as const);
      const urls = Object.fromEntries(signed.map(([name, { address }]) => [name, address]));
      sendJson(response, 200, { urls, expires: signed[0]?.[1].expires.toISOString() });
    } else sendJson(response, path.endsWith('/client/config') ? 200 : 404, {});
  }

  #sign(path: string): { address: string; expires: Date } {
    const expires = new Date(Date.now() + this.#options.urlLifetimeMs);
    const isGood = this.#random() >= this.#options.earlyExpiryShare;
    const until = isGood ? expires.getTime() : 0;
    const address = `${this.url}${encodeURI(path)}?until=${until}&signature=${this.#signature(path, until)}`;
    return { address, expires };
  }

  #signature(path: string, until: number): string {
    return sha256(`${this.#options.seed} ${path} ${until}`).slice(0, 32);
  }

  #sendFile(request: IncomingMessage, response: ServerResponse, url: URL, path: string): void {
    this.counts.requests++;
    const until = Number(url.searchParams.get('until'));
    if (url.searchParams.get('signature') !== this.#signature(path, until) || until < Date.now()) {
      this.counts.refusedUrls++;
      response.writeHead(403).end('<Error>Request has expired</Error>');
      return;
    }
    const body = this.#bodyAt(path);
    const etag = `"${sha256(path)}"`;
    const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? [];
    const ifRange = request.headers['if-range'];
    const isPart = first !== undefined && (ifRange === undefined || ifRange === etag);
    const start = isPart ? Number(first) : 0;
    const end = isPart && last !== '' ? Math.min(Number(last) + 1, body.length) : body.length;
    if (isPart && start >= body.length) {
      response.writeHead(416, { 'content-range': `bytes */${body.length}` }).end();
      return;
    }
    const part = body.subarray(start, end);
    response.writeHead(isPart ? 206 : 200, {
      etag,
      'content-length': part.length,
      ...(isPart ? { 'content-range': `bytes ${start}-${end - 1}/${body.length}` } : {}),
    });
    const isCut = this.#random() < this.#options.cutShare;
    const sent = isCut ? part.subarray(0, Math.floor(part.length * this.#random())) : part;
    this.counts.sentBytes += sent.length;
    if (!isCut) response.end(sent);
    else {
      this.counts.cuts++;
      if (sent.length === 0) response.flushHeaders();
      response.write(sent, () => response.destroy());
    }
  }

  #bodyAt(path: string): Buffer {
    const known = this.#bodies.get(path);
    if (known !== undefined) return known;
    const [, , run = '', ...rest] = path.split('/');
    const checkpoint = this.#byRun.get(run);
    const name = rest.join('/');
    if (checkpoint === undefined) return Buffer.alloc(0);
    const made =
      checkpoint.kind === 'sampler_weights'
        ? archiveOf(checkpoint)
        : (filesOf(checkpoint).get(name) ?? Buffer.alloc(0));
    this.#bodies.set(path, made);
    const oldest = this.#bodies.keys().next().value;
    if (this.#bodies.size > 50 && oldest !== undefined) this.#bodies.delete(oldest);
    return made;
  }

  /** Between 0 and 1, in the order that the seed gives. */
  #random(): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0;
    return this.#state / 2 ** 32;
  }
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
