import { once } from 'node:events';
import { mkdtempDisposable } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ServiceClient, supervisedDatum } from '../../../src/index.ts';
import { recordingLogger } from '../../helpers/quiet-logger.ts';
import { startLocalService, type LocalService } from '../../helpers/local-service.ts';

const data = [supervisedDatum({ tokens: [1, 2, 3] })];

let local: LocalService;

beforeAll(async () => {
  local = await startLocalService({ apiKey: 'tml-right' });
});
afterEach(() => local.server.faults.clear());
afterAll(() => local[Symbol.asyncDispose]());

describe('service client', () => {
  it('connects, tells its states, and closes what it made (SVC-9)', async () => {
    const service = await local.connect({ apiKey: 'tml-right' });
    const statuses: string[] = [];
    service.on('status.changed', ({ status }) => statuses.push(status));
    const stream = Array.fromAsync(service.events({ types: ['client.created', 'client.closed'] }));
    const training = await service.createLoraTrainingClient({ base_model: 'local/random', rank: 4 });
    const pending = training.forward({ data, loss_fn: 'cross_entropy' });
    await service.close({ status: 'errored', detail: 'test' });
    await expect(pending).resolves.toBeDefined();
    expect(statuses).toEqual(['open', 'draining', 'closed']);
    expect((await stream).map(({ type }) => type)).toEqual(['client.created', 'client.closed']);
    const finish = local.server.requests.find(({ path }) => path.endsWith('/finish'));
    expect(finish?.body).toEqual({ reason: { type: 'errored' }, detail: 'test' });
    await expect(training.forward({ data, loss_fn: 'cross_entropy' })).rejects.toMatchObject({
      code: 'client_closed',
    });
    await expect(service.createRestClient()).rejects.toMatchObject({ code: 'client_closed' });
    await expect(service.close()).resolves.toBeUndefined();
  });

  it('tells of its downloads in the one stream too, each event with its path (BEY-30)', async () => {
    await using folder = await mkdtempDisposable(join(tmpdir(), 'service-'));
    const service = await local.connect({ apiKey: 'tml-right' });
    const training = await service.createLoraTrainingClient({ base_model: 'local/random', rank: 4 });
    const saved = await training.saveWeightsForSampler({ name: 'downloaded' });
    const path = saved.path;
    const stream = Array.fromAsync(
      service.events({
        types: ['state.changed', 'retry.scheduled', 'download.completed', 'download.failed'],
      }),
    );
    const missing = path.replace('downloaded', 'missing');
    await service.downloads.download(path, { outputDir: folder.path });
    await expect(service.downloads.download(missing, { outputDir: folder.path })).rejects.toThrow();
    await service.close();
    const events = await stream;
    expect(events).toContainEqual({ type: 'state.changed', path, previous: 'queued', state: 'transferring' });
    expect(events).toContainEqual(expect.objectContaining({ type: 'download.completed', path }));
    expect(events.at(-1)).toMatchObject({ type: 'download.failed', path: missing });
  });

  it('refuses a wrong key with what to do (CFG-2)', async () => {
    await expect(local.connect({ apiKey: 'tml-wrong' })).rejects.toMatchObject({
      code: 'authentication',
      status: 401,
    });
  });

  it('refuses options that do not exist or cannot be right, before anything is sent', async () => {
    const sent = local.server.requests.length;
    await expect(local.connect({ timeout: 5 } as object)).rejects.toThrow("no option 'timeout'");
    await expect(local.connect({ baseUrl: 'ftp://x' })).rejects.toMatchObject({ code: 'invalid_argument' });
    await expect(local.connect({ apiKey: 'with\nnewline' })).rejects.toMatchObject({
      code: 'invalid_api_key',
    });
    await expect(ServiceClient.connect({ apiKey: 'sk-other' })).rejects.toMatchObject({
      code: 'invalid_api_key',
    });
    expect(local.server.requests.length).toBe(sent);
  });

  it('gives up connecting to nobody at the deadline, by its signal, or at once when retries are off', async () => {
    const probe = createServer().listen(0, '127.0.0.1');
    await once(probe, 'listening');
    const address = probe.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    probe.close();
    await once(probe, 'close');
    const options = { baseUrl: `http://127.0.0.1:${port}`, apiKey: 'tml-x', logger: recordingLogger() };
    const controller = new AbortController();
    const aborted = ServiceClient.connect(options, { signal: controller.signal });
    controller.abort(new Error('enough'));
    await expect(aborted).rejects.toThrow('enough');
    await expect(ServiceClient.connect(options, { timeoutMs: 30 })).rejects.toMatchObject({
      code: 'timeout',
    });
    await expect(ServiceClient.connect(options, { retry: false })).rejects.toMatchObject({
      code: 'connection',
      message: expect.stringContaining(`127.0.0.1:${port}`),
    });
  });

  it('speaks to a server behind a path prefix', async () => {
    const service = await local.connect({ apiKey: 'tml-right', baseUrl: `${local.server.url}/some/prefix/` });
    await expect(service.getServerCapabilities()).resolves.toMatchObject({
      supported_models: expect.any(Array),
    });
  });

  it('rejects a creation that the server fails, and one that is aborted', async () => {
    const service = await local.connect({ apiKey: 'tml-right' });
    await expect(service.createLoraTrainingClient({ base_model: 'no/such' })).rejects.toMatchObject({
      category: 'user',
    });
    await expect(service.createLoraTrainingClient({ base_model: 'local/random', rank: 0 })).rejects.toThrow(
      'rank',
    );
    await expect(
      service.createLoraTrainingClient({
        base_model: 'local/random',
        train_attn: false,
        train_mlp: false,
        train_unembed: false,
      }),
    ).rejects.toThrow('at least one');
    await expect(service.createSamplingClient({})).rejects.toThrow('base_model or model_path');
    local.server.faults.add({ route: '/api/v1/create_model', effect: { kind: 'delay', delayMs: 60_000 } });
    const controller = new AbortController();
    const creation = service.createLoraTrainingClient(
      { base_model: 'local/random' },
      { signal: controller.signal },
    );
    controller.abort(new Error('not any more'));
    await expect(creation).rejects.toThrow('not any more');
  });

  it('never writes its key into a log or an error', async () => {
    const service = await local.connect({ apiKey: 'tml-right' });
    local.server.faults.add({
      route: '/api/v1/get_server_capabilities',
      effect: { kind: 'reply', status: 403, body: { detail: 'no' } },
    });
    const error: unknown = await service.getServerCapabilities().catch((reason: unknown) => reason);
    expect(JSON.stringify([error, local.logs]) + String(error)).not.toContain('tml-right');
  });

  it('is disposed of by await using', async () => {
    let closed = false;
    {
      await using service = await ServiceClient.connect({ baseUrl: local.server.url, apiKey: 'tml-right' });
      service.on('status.changed', ({ status }) => (closed = status === 'closed'));
    }
    expect(closed).toBe(true);
  });
});
