import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { modelInput, type SamplingClient, type ServiceClient } from '../../../src/index.ts';
import { startLocalService, type LocalService } from '../../helpers/local-service.ts';

const input = { prompt: modelInput([5, 6, 7]), sampling_params: { max_tokens: 12, seed: 3 } };

let local: LocalService;
let service: ServiceClient;
let sampler: SamplingClient;

beforeAll(async () => {
  local = await startLocalService();
  service = await local.connect();
  sampler = await service.createSamplingClient({ base_model: 'local/random' });
});
afterEach(() => local.server.faults.clear());
afterAll(() => local[Symbol.asyncDispose]());

const sent = (name: string) => local.server.requests.filter(({ route }) => route === `/api/v1/${name}`);
const seqIds = () =>
  sent('asample').map(({ body }) => (body instanceof Object && 'seq_id' in body ? body.seq_id : undefined));

describe('a sampler that is handed on (SMP-8, SMP-10)', () => {
  it('gives the same samples in another process, numbered in a block of its own', async () => {
    const { sequences } = await sampler.sample(input);
    const helper = fileURLToPath(new URL('../../../examples/sampler-handle/helper.ts', import.meta.url));
    const task = JSON.stringify({ handle: sampler.toHandle(), prompt: [5, 6, 7], seed: 3 });
    const env = { ...process.env, TINKER_BASE_URL: local.server.url, TINKER_API_KEY: 'tml-test' };
    const { stdout } = await promisify(execFile)(process.execPath, [helper, task], { env });
    expect(JSON.parse(stdout).tokens).toEqual([...(sequences[0]?.tokens ?? [])]);
    expect(seqIds().at(-1)).toBe(1_000_000_000);
    expect(sent('create_session')).toHaveLength(1);
  });

  it('holds no key, and makes no session of its own', async () => {
    const handle = sampler.toHandle();
    expect(Buffer.from(handle, 'base64url').toString()).not.toContain('tml-test');
    const other = await local.connect();
    const copy = await other.createSamplingClient({ handle });
    expect(copy).toMatchObject({ samplerId: sampler.samplerId, baseModel: 'local/random' });
    await Promise.all([copy.sample(input), copy.sample(input)]);
    await other.close();
    expect(sent('create_session')).toHaveLength(1);
    expect(sent('sessions/:session/finish')).toHaveLength(0);
    await expect(sampler.sample(input)).resolves.toBeDefined();
  });

  it('is numbered at random where the server gives no block', async () => {
    local.server.faults.add({
      route: '/api/v1/client/config',
      effect: { kind: 'reply', status: 200, body: {} },
    });
    const other = await local.connect();
    const joined = sent('join_sampling_session').length;
    const copy = await other.createSamplingClient({ handle: sampler.toHandle() });
    await copy.sample(input);
    expect(sent('join_sampling_session')).toHaveLength(joined);
    expect(BigInt(String(seqIds().at(-1)))).toBeGreaterThanOrEqual(1_000_000_000n);
  });

  it('refuses what is no handle', async () => {
    await expect(service.createSamplingClient({ handle: 'x' })).rejects.toThrow('SamplingClient.toHandle');
    const both = { handle: sampler.toHandle(), base_model: 'local/random' };
    await expect(service.createSamplingClient(both)).rejects.toThrow('leave base_model');
  });

  it('takes along what stable_reinforce needs, which this server refuses by name (SMP-11)', async () => {
    const source = { base_model: 'local/random', record_stability_info: true };
    const recording = await service.createSamplingClient(source);
    const copy = await service.createSamplingClient({ handle: recording.toHandle() });
    for (const one of [recording, copy])
      await expect(one.sample(input)).rejects.toThrow('record_stability_info');
    expect(sent('asample').at(-1)?.body).toMatchObject({ record_stability_info: true });
  });
});

describe('samples and completions', () => {
  it('tells the server of samples that were given up (SMP-12)', async () => {
    const controller = new AbortController();
    const long = { ...input, sampling_params: { max_tokens: 900, stop: [] } };
    const accepted = sent('asample').length;
    const sample = sampler.sample(long, { signal: controller.signal });
    await expect.poll(() => sent('asample')[accepted]?.status).toBe(200);
    await expect.poll(() => sent('retrieve_futures').length).toBeGreaterThan(0);
    controller.abort(new Error('enough'));
    await expect(sample).rejects.toThrow('enough');
    await expect.poll(() => sent('cancel_future').map(({ status }) => status)).toEqual([200]);
  });

  it('waits for hundreds of samples with a request or two, and tells what it has fetched (SMP-13)', async () => {
    const own = await service.createSamplingClient({ base_model: 'local/random' });
    const polls = sent('retrieve_future').length;
    const short = { ...input, sampling_params: { max_tokens: 1 } };
    await Promise.all(Array.from({ length: 60 }, () => own.sample(short)));
    expect(sent('retrieve_future').length - polls).toBe(60);
    await own.close();
    const { body } = sent('retrieve_futures').at(-1) ?? {};
    expect(body).toMatchObject({ timeout: 0, retrieved_request_ids: expect.any(Array) });
  });

  it('falls back to a poll for each sample where the server has no completions after all (SMP-13)', async () => {
    local.server.faults.add({
      route: '/api/v1/retrieve_futures',
      effect: { kind: 'reply', status: 404, body: { detail: 'Not Found' } },
    });
    const own = await service.createSamplingClient({ base_model: 'local/random' });
    await expect(own.sample(input)).resolves.toBeDefined();
  });
});
