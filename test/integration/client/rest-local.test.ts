import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  supervisedDatum,
  type AdminClient,
  type RestClient,
  type ServiceClient,
  type TrainingClient,
} from '../../../src/index.ts';
import { startLocalService, type LocalService } from '../../helpers/local-service.ts';

const key = 'tml-right';
const hourMs = 3_600_000;

let local: LocalService;
let service: ServiceClient;
let rest: RestClient;
let admin: AdminClient;
let training: TrainingClient;
let statePath: string;

beforeAll(async () => {
  local = await startLocalService({ apiKey: key, tokenExchange: {} });
  service = await local.connect({ apiKey: key, project_id: 'home', display_name: 'Nightly run' });
  rest = await service.createRestClient();
  admin = await service.createAdminClient();
  training = await service.createLoraTrainingClient({ base_model: 'local/random', rank: 4 });
  const data = [supervisedDatum({ tokens: [5, 6, 7] })];
  await training.forwardBackward({ data, loss_fn: 'cross_entropy' });
  ({ path: statePath } = await training.saveState({ name: 'state', ttl_seconds: 7200 }));
});
afterAll(() => local[Symbol.asyncDispose]());

async function listed(path: string) {
  const checkpoints = await Array.fromAsync(rest.listUserCheckpoints());
  return checkpoints.find(({ tinker_path }) => tinker_path === path);
}

describe('the REST rows on the local server', () => {
  it('publish a checkpoint and take it back, once each (RST-11, RST-12)', async () => {
    await rest.publishCheckpoint(statePath);
    await expect(listed(statePath)).resolves.toMatchObject({ public: true });
    await rest.unpublishCheckpoint(statePath);
    await expect(listed(statePath)).resolves.toMatchObject({ public: false });
  });

  it('set when a checkpoint expires, and that it never does (RST-13)', async () => {
    const expires = Date.parse((await listed(statePath))?.expires_at ?? '');
    expect(expires).toBeLessThan(Date.now() + 2 * hourMs + 60_000);
    await rest.setCheckpointTtl(statePath, 86_400);
    expect(Date.parse((await listed(statePath))?.expires_at ?? '')).toBeGreaterThan(expires);
    await rest.setCheckpointTtl(statePath, null);
    expect((await listed(statePath))?.expires_at).toBeUndefined();
    await expect(rest.setCheckpointTtl(statePath, 60)).rejects.toMatchObject({ code: 'bad_request' });
  });

  it('tell what a checkpoint holds, and its run (RST-2, RST-4)', async () => {
    await expect(rest.getWeightsInfo(statePath)).resolves.toMatchObject({
      base_model: 'local/random',
      is_lora: true,
      lora_rank: 4,
    });
    const run = await rest.getTrainingRunByTinkerPath(statePath);
    expect(run.training_run_id).toBe(training.modelId);
  });

  it('copy a checkpoint into a project, from which training goes on (RST-25, SVC-10)', async () => {
    const { tinker_path } = await rest.copyWeights(statePath, { destination_project_id: 'archive' });
    const runs = await Array.fromAsync(rest.listTrainingRuns({ project_id: 'archive' }));
    expect(runs.map(({ training_run_id }) => `tinker://${training_run_id}/weights/state`)).toEqual([
      tinker_path,
    ]);
    const home = await service.copyWeights(statePath, { ttl_seconds: 3600, weights_access_token: key });
    expect((await listed(home.tinker_path))?.expires_at).toBeDefined();
    const copy = await service.createTrainingClientFromState({
      path: tinker_path,
      optimizer: true,
      weights_access_token: key,
    });
    expect(copy.info.lora_rank).toBe(4);
    const stranger = rest.copyWeights(statePath, { weights_access_token: 'tml-wrong' });
    const error = await stranger.catch((reason: unknown) => reason);
    expect(error).toMatchObject({ category: 'user' });
    expect(JSON.stringify([error, local.logs, local.server.requests])).not.toContain('tml-wrong');
  });

  it('make an export of files that are uploaded one by one (RST-24, RST-28, TRN-16)', async () => {
    const { path } = await training.saveWeightsExternal({ name: 'export' });
    const { urls: from } = await rest.getExternalWeightsUrls(path);
    const { upload_id, urls: to } = await rest.externalWeightsUploadStart({
      base_model: 'local/random',
      lora_config: { rank: 4 },
      destination_project_id: 'uploads',
    });
    for (const [file, url] of Object.entries(to)) {
      const body = await (await fetch(from[file] ?? '')).arrayBuffer();
      expect((await fetch(url, { method: 'PUT', body })).ok).toBe(true);
    }
    const { tinker_path } = await rest.externalWeightsUploadFinish(upload_id);
    const { urls } = await rest.getExternalWeightsUrls(tinker_path);
    expect(Object.keys(urls)).toEqual(Object.keys(from));
    await expect(rest.externalWeightsUploadFinish('no-such-upload')).rejects.toMatchObject({
      category: 'user',
    });
  });

  it('find sessions by name and move them into a project (RST-17, RST-26)', async () => {
    const found = await Array.fromAsync(rest.searchSessions({ display_name: 'night', limit: 1 }));
    expect(found).toMatchObject([
      { display_name: 'Nightly run', project_id: 'home', status: { type: 'active' } },
    ]);
    const sessionId = found[0]?.session_id ?? '';
    await rest.assignSessionProject(sessionId, 'other');
    const [moved] = await Array.fromAsync(rest.searchSessions({ session_id: sessionId }));
    expect(moved?.project_id).toBe('other');
    await rest.assignSessionProject(sessionId, 'home');
  });

  it('export what a session did as a trace (RST-18)', async () => {
    const [sessionId = ''] = await Array.fromAsync(rest.listSessions());
    const { url } = await rest.exportSessionTrace(sessionId);
    const trace = await fetch(url);
    expect(trace.status).toBe(200);
    await expect(trace.json()).resolves.toMatchObject({ traceEvents: expect.any(Array) });
    await expect(rest.exportSessionTrace('no-such-session')).rejects.toMatchObject({ code: 'not_found' });
  });

  it('tell what a sampler is made of (RST-19)', async () => {
    const { path } = await training.saveWeightsForSampler({ name: 'sampler' });
    const sampler = await service.createSamplingClient({ model_path: path });
    await expect(rest.getSampler(sampler.samplerId)).resolves.toMatchObject({
      base_model: 'local/random',
      model_path: path,
    });
  });

  it('tell whose key it is, by the token and by the server (RST-21)', async () => {
    const { user_urn, org_urn, email } = await rest.whoami();
    expect([user_urn, org_urn, email]).toEqual([
      expect.stringContaining('user'),
      expect.stringMatching(/^tml:organization:./),
      expect.stringContaining('@'),
    ]);
    const { details } = await rest.getSelfApiKey();
    expect(details.user_details.email).toBe(email);
  });

  it('tell administrators what was done, used and kept (RST-14, RST-20, RST-27)', async () => {
    const { entries } = await admin.getAuditLog({ event_type: 'checkpoints' });
    expect(entries.map(({ event }) => event)).toContain('checkpoint_created');
    const hour = Math.floor(Date.now() / hourMs) * hourMs;
    const usage = await admin.getBillingUsage({
      starting_on: new Date(hour - hourMs).toISOString(),
      ending_before: new Date(hour + 2 * hourMs).toISOString(),
    });
    expect(usage.data.map(({ event_info }) => event_info.type)).toContain('training');
    const { data } = await admin.getCurrentCheckpointStorageUsage({ project_id: 'home' });
    expect(data[0]?.checkpoint_count).toBeGreaterThan(0);
  });

  it('end the key for good', async () => {
    await using other = await startLocalService();
    const leaving = await other.connect({ apiKey: 'tml-leaving' });
    const client = await leaving.createRestClient();
    await client.revokeSelfApiKey();
    await expect(client.listSessions()).rejects.toMatchObject({ code: 'authentication' });
  });
});
