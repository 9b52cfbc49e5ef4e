import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ManualClock } from '../../../src/core/clock.ts';
import { supervisedDatum } from '../../../src/index.ts';
import { startLocalService, type LocalService } from '../../helpers/local-service.ts';
import { connectScripted } from '../../helpers/scripted-service.ts';

const data = [supervisedDatum({ tokens: [1, 2, 3] })];
const invalidToken = { 'www-authenticate': 'Bearer error="invalid_token"' };

function countOf(local: LocalService, route: string): number {
  return local.server.requests.filter((request) => request.route === `/api/v1${route}`).length;
}

beforeEach(() => {
  for (const name of ['TINKER_API_KEY', 'TINKER_CREDENTIAL_CMD', 'HOME']) vi.stubEnv(name, '');
});
afterEach(() => vi.unstubAllEnvs());

describe('where the key comes from (CFG-2, CFG-11, CFG-20)', () => {
  async function storeCredentials(folder: string, content: string): Promise<string> {
    const file = path.join(folder, '.tinker', 'credentials.json');
    await mkdir(path.dirname(file));
    await writeFile(file, content);
    vi.stubEnv('HOME', folder);
    return file;
  }

  it('is the option, a function, the environment, or the file of stored credentials', async () => {
    await using local = await startLocalService({ apiKey: 'tml-right' });
    await storeCredentials(
      local.folder,
      JSON.stringify({ version: 1, default: '1', keys: { '1': { type: 'manual', key: 'tml-right' } } }),
    );
    let asked = 0;
    for (const apiKey of ['tml-right', async () => (asked++, 'tml-right'), undefined]) {
      const service = await local.connect({ apiKey });
      await expect(service.getServerCapabilities()).resolves.toBeDefined();
    }
    expect(asked).toBeGreaterThanOrEqual(3);
    vi.stubEnv('TINKER_API_KEY', 'tml-wrong');
    await expect(local.connect({ apiKey: undefined })).rejects.toMatchObject({ code: 'authentication' });
    vi.stubEnv('TINKER_API_KEY', 'tml-right');
    await expect(local.connect({ apiKey: undefined })).resolves.toBeDefined();
  });

  it('opens the tokenizers of the server too, as does what the server gives for it', async () => {
    for (const tokenExchange of [undefined, {}]) {
      await using local = await startLocalService({ apiKey: 'tml-right', tokenExchange });
      const service = await local.connect({ apiKey: 'tml-right' });
      const training = await service.createLoraTrainingClient({ base_model: 'local/random', rank: 1 });
      const tokenizer = await training.getTokenizer();
      expect(tokenizer.decode(tokenizer.encode('The fox'))).toBe('The fox');
    }
  });

  it('may be waited for no longer than the call itself', async () => {
    await using local = await startLocalService();
    const keys = [Promise.resolve('tml-1'), Promise.resolve('tml-1')];
    const service = await local.connect({ apiKey: () => keys.shift() ?? new Promise(() => undefined) });
    await expect(service.getServerCapabilities({ timeoutMs: 10 })).rejects.toMatchObject({ code: 'timeout' });
  });

  it('is the output of a command where the server exchanges it, and said to be missing where it does not', async () => {
    await using exchanging = await startLocalService({ apiKey: 'tml-right', tokenExchange: {} });
    await using plain = await startLocalService({ apiKey: 'tml-right' });
    vi.stubEnv('TINKER_CREDENTIAL_CMD', 'echo tml-right');
    const service = await exchanging.connect({ apiKey: undefined });
    await expect(service.getServerCapabilities()).resolves.toBeDefined();
    await expect(plain.connect({ apiKey: undefined })).rejects.toMatchObject({ code: 'missing_api_key' });
    await expect(exchanging.connect({ apiKey: undefined, credentialCommand: 'exit 7' })).rejects.toThrow(
      'exit code 7',
    );
  });

  it('is refused before anything is sent when the file of stored credentials does not parse', async () => {
    await using local = await startLocalService();
    const file = await storeCredentials(local.folder, 'tml-not-json');
    await expect(local.connect({ apiKey: undefined })).rejects.toMatchObject({
      code: 'credential_unavailable',
      message: expect.stringContaining(file),
    });
    expect(local.server.requests).toEqual([]);
  });
});

describe('token exchange (CFG-10)', () => {
  it('takes the place of the key from the second request on, for training and for REST alone', async () => {
    await using local = await startLocalService({ apiKey: 'tml-right', tokenExchange: {} });
    const service = await local.connect({ apiKey: 'tml-right' });
    const rest = await service.createRestClient();
    await expect(rest.listSessions()).resolves.toMatchObject({ items: [] });
    const training = await service.createLoraTrainingClient({ base_model: 'local/random', rank: 4 });
    await expect(training.forward({ data, loss_fn: 'cross_entropy' })).resolves.toBeDefined();
    expect(local.server.requests.slice(0, 4).map(({ route }) => route.replace('/api/v1', ''))).toEqual([
      '/client/config',
      '/auth/token',
      '/client/dynamic_config',
      '/sessions',
    ]);
    expect(countOf(local, '/auth/token')).toBe(1);
  });

  it('refuses a wrong key at once', async () => {
    await using local = await startLocalService({ tokenExchange: {} });
    local.server.faults.add({
      route: '/api/v1/auth/token',
      effect: { kind: 'reply', status: 401, body: { detail: 'unknown key' } },
    });
    await expect(local.connect()).rejects.toMatchObject({
      code: 'authentication',
      message: expect.stringContaining('unknown key'),
    });
    expect(countOf(local, '/auth/token')).toBe(1);
  });

  it('renews the token in the background, without any request', async () => {
    const clock = new ManualClock();
    await using local = await startLocalService({ tokenExchange: { lifetimeSec: 1000 }, clock });
    await local.connect({ clock, random: () => 0.5 });
    clock.advance(499_999);
    expect(countOf(local, '/auth/token')).toBe(1);
    clock.advance(1);
    await expect.poll(() => countOf(local, '/auth/token'), { timeout: 10_000 }).toBe(2);
    expect(countOf(local, '/get_server_capabilities')).toBe(0);
  });

  it('exchanges once and repeats every request when twenty are rejected at the same time', async () => {
    const serverClock = new ManualClock();
    await using local = await startLocalService({ tokenExchange: {}, clock: serverClock });
    const service = await local.connect({ clock: new ManualClock() });
    serverClock.advance(3_600_000);
    const answers = await Promise.all(Array.from({ length: 20 }, () => service.getServerCapabilities()));
    expect(answers).toHaveLength(20);
    expect(countOf(local, '/auth/token')).toBe(2);
    const statuses = local.server.requests
      .filter(({ path }) => path.endsWith('/get_server_capabilities'))
      .map(({ status }) => status);
    expect(statuses.filter((status) => status === 401)).toHaveLength(20);
    expect(statuses.filter((status) => status === 200)).toHaveLength(20);
  });

  it('fails when the new token is rejected as well, and does not exchange for any other 401', async () => {
    await using local = await startLocalService({ tokenExchange: {} });
    const service = await local.connect();
    const route = '/api/v1/get_server_capabilities';
    const rejected = {
      kind: 'reply',
      status: 401,
      headers: invalidToken,
      body: { detail: 'rejected' },
    } as const;
    local.server.faults.add({ route, count: 2, effect: rejected });
    await expect(service.getServerCapabilities()).rejects.toMatchObject({ code: 'authentication' });
    expect(countOf(local, '/auth/token')).toBe(2);
    local.server.faults.add({ route, effect: { ...rejected, headers: {} } });
    await expect(service.getServerCapabilities()).rejects.toMatchObject({ code: 'authentication' });
    expect(countOf(local, '/auth/token')).toBe(2);
    await expect(service.getServerCapabilities()).resolves.toBeDefined();
  });
});

describe('keys and tokens', () => {
  it('show in no client, error or log', async () => {
    await using local = await startLocalService({ apiKey: 'tml-secret', tokenExchange: {} });
    const service = await local.connect({ apiKey: 'tml-secret' });
    const training = await service.createLoraTrainingClient({ base_model: 'local/random', rank: 4 });
    const errorOf = (work: PromiseLike<unknown>) => work.then(undefined, (error: unknown) => error);
    const { faults } = local.server;
    faults.add({ route: '/api/v1/get_server_capabilities', effect: { kind: 'cut' } });
    faults.add({ route: '/api/v1/forward_backward', effect: { kind: 'cut' } });
    const broken = await errorOf(service.getServerCapabilities({ retry: false }));
    const brokenHot = await errorOf(training.forward({ data, loss_fn: 'cross_entropy' }, { retry: false }));
    faults.add({
      route: '/api/v1/get_server_capabilities',
      effect: { kind: 'reply', status: 403, body: {} },
    });
    const refused = await errorOf(service.getServerCapabilities());
    expect([broken, brokenHot, refused]).toMatchObject([
      { code: 'connection' },
      { code: 'connection' },
      { code: 'permission_denied' },
    ]);
    const shown = [service, training, broken, brokenHot, refused, local.logs].flatMap((value) => [
      inspect(value, { depth: null, showHidden: true }),
      JSON.stringify(value),
    ]);
    expect(shown.join()).not.toMatch(/tml-secret|eyJ/);
  });
});

describe('the headers of Cloudflare Access (CFG-8)', () => {
  it('go with every request when the environment has them, and show nowhere', async () => {
    vi.stubEnv('CLOUDFLARE_ACCESS_CLIENT_ID', 'access-id');
    vi.stubEnv('CLOUDFLARE_ACCESS_CLIENT_SECRET', 'access-secret');
    await using scripted = await connectScripted({});
    const { service, logs } = scripted;
    const error: unknown = await service.getServerCapabilities().catch((reason: unknown) => reason);
    for (const path of ['/client/config', '/client/dynamic_config', '/get_server_capabilities']) {
      expect(scripted.sentTo(path)[0]?.headers).toMatchObject({
        'cf-access-client-id': 'access-id',
        'cf-access-client-secret': 'access-secret',
      });
    }
    const shown = [service, error, logs].map((value) => inspect(value, { depth: null, showHidden: true }));
    expect(shown.join()).not.toContain('access-secret');
  });

  it('are not sent otherwise', async () => {
    vi.stubEnv('CLOUDFLARE_ACCESS_CLIENT_ID', '');
    vi.stubEnv('CLOUDFLARE_ACCESS_CLIENT_SECRET', '');
    await using scripted = await connectScripted({});
    const [request] = scripted.sentTo('/client/config');
    expect(Object.keys(request?.headers ?? {}).filter((name) => name.startsWith('cf-'))).toEqual([]);
  });
});
