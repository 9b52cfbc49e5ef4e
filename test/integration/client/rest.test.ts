import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { RestClient, ServiceClient } from '../../../src/index.ts';
import { briefOutage, startLocalService, type LocalService } from '../../helpers/local-service.ts';

const archiveRoute = '/api/v1/training_runs/:run/checkpoints/:kind/:name/archive';

let local: LocalService;
let service: ServiceClient;
let rest: RestClient;
let runIds: string[];
let samplerPath: string;

beforeAll(async () => {
  local = await startLocalService();
  service = await local.connect({ display_name: 'rest tests', user_metadata: { purpose: 'test' } });
  rest = await service.createRestClient();
  const clients = [];
  for (let index = 0; index < 3; index++) {
    clients.push(await service.createLoraTrainingClient({ base_model: 'local/random', rank: 4 }));
  }
  runIds = clients.map(({ modelId }) => modelId);
  for (const client of clients) {
    await client.saveState({ name: 'state', user_metadata: { step: '1' } });
    ({ path: samplerPath } = await client.saveWeightsForSampler({ name: 'weights' }));
  }
});
afterEach(() => local.server.faults.clear());
afterAll(() => local[Symbol.asyncDispose]());

describe('REST client', () => {
  it('lists runs in pages that can be iterated through (RST-3)', async () => {
    const page = await rest.listTrainingRuns({ limit: 2 });
    expect(page).toMatchObject({ totalCount: 3, hasNextPage: true });
    const next = await page.getNextPage();
    expect(next).toMatchObject({ items: [{ is_lora: true }], hasNextPage: false });
    await expect(next?.getNextPage()).resolves.toBeUndefined();
    const all = await Array.fromAsync(
      rest.listTrainingRuns({ limit: 1 }),
      ({ training_run_id }) => training_run_id,
    );
    expect(all.toSorted()).toEqual(runIds.toSorted());
  });

  it('tells a run with its last checkpoints (RST-1)', async () => {
    const [runId = ''] = runIds;
    const run = await rest.getTrainingRun(runId);
    expect(run).toMatchObject({ base_model: 'local/random', lora_rank: 4, corrupted: false });
    expect(run.last_checkpoint?.tinker_path).toBe(`tinker://${runId}/weights/state`);
    expect(run.last_sampler_checkpoint?.checkpoint_id).toBe('sampler_weights/weights');
  });

  it('lists checkpoints of a run and of the user (RST-5, RST-6)', async () => {
    const [runId = ''] = runIds;
    const { items } = await rest.listCheckpoints(runId);
    expect(items.map(({ checkpoint_type }) => checkpoint_type).toSorted()).toEqual(['sampler', 'training']);
    const all = await Array.fromAsync(rest.listUserCheckpoints({ limit: 4 }));
    expect(all).toHaveLength(6);
    expect(all.every(({ size_bytes }) => (size_bytes ?? 0) > 0)).toBe(true);
  });

  it('tells what a session holds, and lists sessions (RST-13)', async () => {
    const sessions = await Array.fromAsync(rest.listSessions());
    expect(sessions).toHaveLength(1);
    const session = await rest.getSession(sessions[0] ?? '');
    expect(session).toMatchObject({ display_name: 'rest tests', user_metadata: { purpose: 'test' } });
    expect(session.training_run_ids.toSorted()).toEqual(runIds.toSorted());
  });

  it('gives a signed archive link that works without a key, and waits while it is built (RST-7)', async () => {
    const { url, expires } = await rest.getCheckpointArchiveUrl(samplerPath);
    expect(Date.parse(expires)).toBeGreaterThan(Date.now());
    const archive = await fetch(url);
    expect(archive.status).toBe(200);
    expect(Number(archive.headers.get('content-length'))).toBeGreaterThan(1000);
    await archive.body?.cancel();
  });

  it('gives up waiting for an archive at the deadline', async () => {
    const effect = { kind: 'reply', status: 503, body: { detail: 'building' } } as const;
    local.server.faults.add({ route: archiveRoute, effect, count: Number.POSITIVE_INFINITY });
    const waiting = rest.getCheckpointArchiveUrl(samplerPath, { timeoutMs: 50 });
    await expect(waiting).rejects.toMatchObject({ code: 'timeout' });
  });

  it('deletes a checkpoint for good (RST-10)', async () => {
    const training = await service.createLoraTrainingClient({ base_model: 'local/random', rank: 4 });
    const { path } = await training.saveState({ name: 'unwanted' });
    await rest.deleteCheckpoint(path);
    await expect(rest.listCheckpoints(training.modelId)).resolves.toMatchObject({ items: [] });
    await expect(rest.deleteCheckpoint(path)).rejects.toMatchObject({ code: 'not_found', status: 404 });
  });

  it('refuses ids, paths and limits that cannot be right', async () => {
    await expect(rest.getTrainingRun('')).rejects.toThrow('runId must not be empty');
    expect(() => rest.listTrainingRuns({ project: 'p' } as never)).toThrow("no option 'project'");
    await expect(rest.deleteCheckpoint('tinker://x')).rejects.toThrow('Invalid checkpoint path');
    expect(() => rest.listTrainingRuns({ limit: 0 })).toThrow('limit');
    await expect(rest.getTrainingRun('no-such-run')).rejects.toMatchObject({
      code: 'not_found',
      category: 'user',
    });
  });

  it('tries again after an outage, and says that it does', async () => {
    const retries: string[] = [];
    service.on('retry.scheduled', ({ what, attempt }) => retries.push(`${what} ${attempt}`));
    local.server.faults.add({ route: '/api/v1/sessions', effect: briefOutage(500), count: 2 });
    await expect(rest.listSessions()).resolves.toBeDefined();
    expect(retries).toEqual(['GET /api/v1/sessions 1', 'GET /api/v1/sessions 2']);
  });

  it('does not take an answer that is not of the API', async () => {
    local.server.faults.add({ route: '/api/v1/sessions', effect: { kind: 'garbage' } });
    await expect(rest.listSessions()).rejects.toMatchObject({ code: 'invalid_response' });
  });

  it('makes no session of its own (CLI-9)', async () => {
    const sessions = local.server.requests.filter(({ path }) => path === '/api/v1/create_session').length;
    const other = await local.connect();
    await (await other.createRestClient()).listTrainingRuns();
    expect(local.server.requests.filter(({ path }) => path === '/api/v1/create_session')).toHaveLength(
      sessions,
    );
  });

  it('refuses calls after it was closed', async () => {
    const closed = await service.createRestClient();
    await closed.close();
    expect(() => closed.listSessions()).toThrow('closed');
  });
});
