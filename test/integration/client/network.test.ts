import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import { connect, type AddressInfo } from 'node:net';
import { generate } from 'selfsigned';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { modelInput, ServiceClient } from '../../../src/index.ts';
import { recordingLogger } from '../../helpers/quiet-logger.ts';
import { startLocalService, type LocalService } from '../../helpers/local-service.ts';

const apiKey = 'tml-test';

let local: LocalService;
let stack: AsyncDisposableStack;

beforeAll(async () => {
  local = await startLocalService();
});
afterAll(() => local[Symbol.asyncDispose]());
afterEach(async () => {
  vi.unstubAllEnvs();
  await stack?.disposeAsync();
});

async function listen(server: http.Server | https.Server): Promise<number> {
  stack = new AsyncDisposableStack();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  stack.defer(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  return (server.address() as AddressInfo).port;
}

/** A proxy for plain requests and for tunnels, and the hosts that it was asked for. */
async function startProxy(): Promise<{ url: string; asked: string[] }> {
  const asked: string[] = [];
  const proxy = http.createServer((request, response) => {
    asked.push(new URL(request.url ?? '').host);
    const { method, headers } = request;
    request.pipe(
      http.request(request.url ?? '', { method, headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      }),
    );
  });
  proxy.on('connect', (request, socket, head) => {
    asked.push(request.url ?? '');
    const [host, port] = (request.url ?? '').split(':');
    const upstream = connect(Number(port), host, () => {
      socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      upstream.write(head);
      upstream.pipe(socket).pipe(upstream);
    });
    upstream.on('error', () => socket.destroy());
    socket.on('error', () => upstream.destroy());
  });
  return { url: `http://127.0.0.1:${await listen(proxy)}`, asked };
}

async function sampleOnce(service: ServiceClient): Promise<void> {
  const sampler = await service.createSamplingClient({ base_model: 'local/random' });
  await sampler.sample({ prompt: modelInput([1, 2]), sampling_params: { max_tokens: 1 } });
}

describe('the way to the server', () => {
  it('goes through the proxy of the environment, control calls and samples alike', async () => {
    const { url, asked } = await startProxy();
    vi.stubEnv('HTTP_PROXY', url);
    vi.stubEnv('NO_PROXY', '');
    await using service = await local.connect();
    await sampleOnce(service);
    expect(asked.length).toBeGreaterThan(1);
    expect(new Set(asked)).toEqual(new Set([new URL(local.server.url).host]));
  });

  it('goes through it for downloads too, those of the threads included', async () => {
    const { url, asked } = await startProxy();
    vi.stubEnv('HTTP_PROXY', url);
    vi.stubEnv('NO_PROXY', '');
    await using service = await local.connect({ telemetry: false });
    const training = await service.createLoraTrainingClient({ base_model: 'local/random', rank: 4 });
    const { path } = await training.saveWeightsForSampler({ name: 'w' });
    const before = { asked: asked.length, requests: local.server.requests.length };
    await service.downloads.download(path, { outputDir: local.folder });
    const fetched = local.server.requests.slice(before.requests);
    expect(fetched.some(({ path: asking }) => asking.includes('/archives/'))).toBe(true);
    expect(asked.length - before.asked).toBeGreaterThanOrEqual(fetched.length);
  });

  it('goes past the proxy to the hosts of NO_PROXY', async () => {
    const { url, asked } = await startProxy();
    vi.stubEnv('HTTP_PROXY', url);
    vi.stubEnv('NO_PROXY', '127.0.0.1');
    await using service = await local.connect();
    await sampleOnce(service);
    expect(asked).toEqual([]);
  });

  it('trusts a certificate authority of the caller’s, and refuses a certificate that nobody vouches for', async () => {
    const names = [{ name: 'commonName', value: '127.0.0.1' }];
    const { cert, private: key } = await generate(names, {
      extensions: [{ name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] }],
    });
    const target = new URL(local.server.url);
    const server = https.createServer({ cert, key }, (request, response) => {
      const { method, headers, url: path } = request;
      request.pipe(
        http.request({ host: target.hostname, port: target.port, method, headers, path }, (answer) => {
          response.writeHead(answer.statusCode ?? 502, answer.headers);
          answer.pipe(response);
        }),
      );
    });
    const options = {
      baseUrl: `https://127.0.0.1:${await listen(server)}`,
      apiKey,
      logger: recordingLogger(),
    };
    await using service = await ServiceClient.connect({ ...options, ca: cert });
    await sampleOnce(service);
    await expect(ServiceClient.connect(options, { retry: false })).rejects.toMatchObject({
      code: 'connection',
      message: expect.stringMatching(/self.signed/i),
    });
  });

  it('carries the headers that it was given', async () => {
    await using service = await local.connect({ headers: { 'x-team': 'blue' } });
    await sampleOnce(service);
    const paths = local.server.requests
      .filter(({ headers }) => headers['x-team'] === 'blue')
      .map(({ path }) => path);
    expect(paths).toEqual(
      expect.arrayContaining(['/api/v1/client/config', '/api/v1/asample', '/api/v1/retrieve_future']),
    );
  });
});
