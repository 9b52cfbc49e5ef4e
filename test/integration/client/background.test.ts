import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { connectService } from '../../../src/client/connect-service.ts';
import { ManualClock } from '../../../src/core/clock.ts';
import { ServiceClient, type ServiceOptions } from '../../../src/index.ts';
import { startLocalService } from '../../helpers/local-service.ts';
import { recordingLogger } from '../../helpers/quiet-logger.ts';
import { startScriptedServer, type ScriptedServer } from '../../helpers/scripted-server.ts';
import { promisesSettled } from '../../helpers/settled.ts';

const session = {
  '/create_session': { session_id: 'session-1' },
  '/create_sampling_session': { sampling_session_id: 'sampler-1' },
};

function connectTo(server: ScriptedServer, options: ServiceOptions = {}): Promise<ServiceClient> {
  return ServiceClient.connect({
    baseUrl: server.url,
    apiKey: 'tml-secret',
    logger: recordingLogger(),
    ...options,
  });
}

const telemetryOf = ({ requests }: ScriptedServer) => requests.filter(({ path }) => path === '/telemetry');

describe('telemetry of a service (CFG-16)', () => {
  it('tells the session and what failed for good, without key, prompt or body', async () => {
    await using server = await startScriptedServer(session);
    await using service = await connectTo(server);
    const sampler = await service.createSamplingClient({ base_model: 'some/model' });
    const prompt = { chunks: [{ type: 'encoded_text', tokens: [424242] }] } as const;
    await expect(sampler.sample({ prompt })).rejects.toMatchObject({ status: 404 });
    await expect(service.getServerCapabilities()).rejects.toMatchObject({ status: 404 });
    await service.close();
    const [batch] = telemetryOf(server);
    expect(batch?.body).toMatchObject({ session_id: 'session-1', sdk_version: '0.38.0' });
    expect(batch?.body).toMatchObject({
      events: expect.arrayContaining([
        expect.objectContaining({ event: 'SESSION_START', event_session_index: 0 }),
        expect.objectContaining({
          event: 'GENERIC_EVENT',
          event_name: 'user_error',
          severity: 'WARNING',
          event_data: {
            what: 'GET /api/v1/get_server_capabilities',
            error_type: 'NotFoundError',
            code: 'not_found',
            status_code: 404,
          },
        }),
      ]),
    });
    expect(JSON.stringify(batch?.body)).not.toMatch(/tml-secret|424242|not in the script/);
  });

  it('is sent every ten seconds, and what remains before the connections close', async () => {
    await using server = await startScriptedServer(session);
    const clock = new ManualClock();
    await using service = await connectTo(server, { clock });
    await service.createSamplingClient({ base_model: 'some/model' });
    clock.advance(10_000);
    await expect.poll(() => telemetryOf(server).length, { timeout: 10_000 }).toBe(1);
    await expect(service.getServerCapabilities()).rejects.toMatchObject({ status: 404 });
    await service.close();
    expect(telemetryOf(server)).toHaveLength(2);
  });

  it('is off by option or variable, which the option overrides', async () => {
    await using server = await startScriptedServer(session);
    const run = async (options: ServiceOptions): Promise<number> => {
      await using service = await connectTo(server, options);
      await service.createSamplingClient({ base_model: 'some/model' });
      await service.close();
      return telemetryOf(server).length;
    };
    expect(await run({ telemetry: false })).toBe(0);
    expect(await run({})).toBe(1);
    vi.stubEnv('TINKER_TELEMETRY', '0');
    onTestFinished(() => void vi.unstubAllEnvs());
    expect(await run({})).toBe(1);
    expect(await run({ telemetry: true })).toBe(2);
  });

  it('disturbs neither work nor closing when its endpoint fails', async () => {
    await using local = await startLocalService();
    local.server.faults.add({
      route: '/api/v1/telemetry',
      count: Infinity,
      effect: { kind: 'reply', status: 404, body: {} },
    });
    const service = await local.connect();
    await service.createSamplingClient({ base_model: 'local/random' });
    await expect(service.getServerCapabilities()).resolves.toBeDefined();
    await service.close();
    expect(local.server.requests.filter(({ path }) => path.endsWith('/telemetry'))).toHaveLength(1);
    expect(local.logs.filter(({ level }) => level !== 'debug')).toEqual([]);
  });

  it('delays closing by two seconds at most when its endpoint hangs', async () => {
    const clock = new ManualClock();
    await using local = await startLocalService();
    local.server.faults.add({ route: '/api/v1/telemetry', effect: { kind: 'delay', delayMs: 600_000 } });
    const service = await local.connect({ clock });
    await service.createSamplingClient({ base_model: 'local/random' });
    const closing = service.close();
    await expect
      .poll(() => local.server.requests.some(({ path }) => path.endsWith('/telemetry')), { timeout: 10_000 })
      .toBe(true);
    clock.advance(2000);
    await expect(closing).resolves.toBeUndefined();
  });
});

describe('flags that may change (CFG-12)', () => {
  const route = '/api/v1/client/dynamic_config';

  it('are the defaults where a server has none', async () => {
    await using server = await startScriptedServer({});
    const parts = await connectService({ baseUrl: server.url, apiKey: 'k', telemetry: false }, {});
    onTestFinished(() => parts.resources[Symbol.asyncDispose]());
    expect(parts.runtime.dynamicConfig).toEqual({
      refresh_interval_sec: 300,
      sample_cancel_enabled: false,
      sample_cancel_max_batch_size: 64,
    });
    expect(server.requests.map(({ path }) => path)).toEqual(['/client/config', '/client/dynamic_config']);
  });

  it('are asked for again while the service is open, and kept when that fails', async () => {
    const replies: Record<string, object> = { '/client/dynamic_config': { refresh_interval_sec: 20 } };
    await using server = await startScriptedServer(replies);
    const clock = new ManualClock();
    const parts = await connectService({ baseUrl: server.url, apiKey: 'k', telemetry: false, clock }, {});
    const { runtime } = parts;
    const asked = () => server.requests.filter(({ path }) => path === '/client/dynamic_config').length;
    expect(runtime.dynamicConfig.refresh_interval_sec).toBe(20);
    replies['/client/dynamic_config'] = { refresh_interval_sec: 20, sample_cancel_enabled: true };
    clock.advance(19_999);
    await promisesSettled();
    expect(asked()).toBe(1);
    clock.advance(1);
    await expect.poll(() => runtime.dynamicConfig.sample_cancel_enabled, { timeout: 10_000 }).toBe(true);
    replies['/client/dynamic_config'] = { refresh_interval_sec: 'soon' };
    clock.advance(20_000);
    await expect.poll(asked, { timeout: 10_000 }).toBe(3);
    expect(runtime.dynamicConfig.sample_cancel_enabled).toBe(true);
    await parts.toLife({ status: 'success', detail: null }).close();
    await parts.resources[Symbol.asyncDispose]();
    expect(clock.pendingCount).toBe(0);
  });

  it('fail the connecting when they cannot be had', async () => {
    await using local = await startLocalService();
    local.server.faults.add({ route, effect: { kind: 'reply', status: 400, body: { detail: 'no' } } });
    await expect(local.connect()).rejects.toMatchObject({ status: 400 });
  });
});

describe('a program that forgets to close its service', () => {
  it('ends all the same: neither heartbeat, token, flags nor telemetry keep it alive', async () => {
    await using local = await startLocalService({ tokenExchange: {} });
    const script = `
      import { ServiceClient } from ${JSON.stringify(new URL('../../../src/index.ts', import.meta.url).href)};
      const service = await ServiceClient.connect({ baseUrl: ${JSON.stringify(local.server.url)}, apiKey: 'tml-test' });
      await service.createSamplingClient({ base_model: 'local/random' });
      console.log('done');`;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script]);
    expect(stdout).toBe('done\n');
    expect(local.server.requests.map(({ path }) => path.replace('/api/v1', ''))).toContain('/auth/token');
  });
});

describe('words of the server to the user', () => {
  it('are logged at their level and told as events when the session is made (CFG-13)', async () => {
    const messages = {
      info_message: 'welcome',
      warning_message: 'low balance',
      error_message: 'update soon',
    };
    await using server = await startScriptedServer({
      ...session,
      '/create_session': { session_id: 's', ...messages },
    });
    const logger = recordingLogger();
    await using service = await connectTo(server, { logger });
    const told: object[] = [];
    service.on('server.message', (message) => told.push(message));
    await service.createSamplingClient({ base_model: 'some/model' });
    expect(told).toEqual([
      { level: 'info', text: 'welcome' },
      { level: 'warning', text: 'low balance' },
      { level: 'error', text: 'update soon' },
    ]);
    expect(logger.lines).toEqual(
      expect.arrayContaining([
        { level: 'info', message: 'welcome' },
        { level: 'warn', message: 'low balance' },
        { level: 'error', message: 'update soon' },
      ]),
    );
  });

  it('about what will go away are told once for each note (CFG-24)', async () => {
    await using local = await startLocalService();
    const service = await local.connect();
    const notes: object[] = [];
    service.on('deprecation.noted', (notice) => notes.push(notice));
    const answer = (headers: Record<string, string>) =>
      ({ kind: 'reply', status: 200, headers, body: { supported_models: [] } }) as const;
    const fault = { route: '/api/v1/get_server_capabilities' };
    local.server.faults.add({ ...fault, count: 2, effect: answer({ 'x-deprecation-note': 'old client' }) });
    local.server.faults.add({
      ...fault,
      nth: 3,
      effect: answer({ 'x-deprecation-note': 'old route', 'x-deprecation-level': 'Error' }),
    });
    for (let call = 0; call < 4; call++) await service.getServerCapabilities();
    expect(notes).toEqual([
      { note: 'old client', level: 'warning' },
      { note: 'old route', level: 'error' },
    ]);
    expect(
      local.logs.filter(({ message }) => message.includes('deprecation')).map(({ level }) => level),
    ).toEqual(['warn', 'error']);
  });
});
