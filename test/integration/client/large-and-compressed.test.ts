import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { modelInput, supervisedDatum, type ServiceClient } from '../../../src/index.ts';
import { startLocalService, type LocalService } from '../../helpers/local-service.ts';

const routes = { forwardBackward: '/api/v1/forward_backward', poll: '/api/v1/retrieve_future' };
const data = Array.from({ length: 8 }, (_, index) => supervisedDatum({ tokens: [5, 6, 7, 8, 9, index + 1] }));
const batch = { data, loss_fn: 'cross_entropy' } as const;

let local: LocalService;

beforeAll(async () => {
  local = await startLocalService({ compressRequests: true, metadataOnlyBytes: 200 });
});
afterAll(() => local[Symbol.asyncDispose]());

async function lossOf(service: ServiceClient): Promise<number> {
  const training = await service.createLoraTrainingClient({ base_model: 'local/random', rank: 4, seed: 1 });
  const { metrics, loss_fn_outputs } = await training.forwardBackward(batch);
  expect(loss_fn_outputs).toHaveLength(data.length);
  return metrics['loss:sum'] ?? Number.NaN;
}

describe('a server that asks for compressed requests (wire-protocol 4.4)', () => {
  it('gets every forward_backward as zstd, and the same loss', async () => {
    const compressed = await lossOf(await local.connect());
    const sent = local.server.requests.filter(({ route }) => route === routes.forwardBackward);
    expect(sent.map(({ headers }) => headers['content-encoding'])).toEqual(['zstd']);
    local.server.faults.add({
      route: '/api/v1/client/config',
      effect: { kind: 'reply', status: 200, body: { proto_compress_fwdbwd: false } },
    });
    const plain = await lossOf(await local.connect());
    const headers = local.server.requests.findLast(({ route }) => route === routes.forwardBackward)?.headers;
    expect(headers).not.toHaveProperty('content-encoding');
    expect(Number(sent[0]?.headers['content-length'])).toBeLessThan(Number(headers?.['content-length']) / 2);
    expect(plain).toBeCloseTo(compressed, 4);
  });

  it('gets nothing else compressed, and no JSON', async () => {
    const service = await local.connect({ wireFormat: 'json' });
    const training = await service.createLoraTrainingClient({ base_model: 'local/random', rank: 4 });
    const soFar = local.server.requests.length;
    await Promise.all([
      training.forwardBackward(batch),
      training.optimStep(),
      training.saveState({ name: 'plain' }),
    ]);
    const sent = local.server.requests.slice(soFar);
    expect(sent.map(({ route }) => route)).toContain(routes.forwardBackward);
    expect(sent.filter(({ headers }) => 'content-encoding' in headers)).toEqual([]);
  });
});

describe('a server that announces large results (wire-protocol 5.5)', () => {
  it('is asked again for what it has announced, and only for that', async () => {
    // Without completions, which announce every result.
    local.server.faults.add({
      route: '/api/v1/client/config',
      effect: { kind: 'reply', status: 200, body: {} },
    });
    const service = await local.connect();
    local.server.faults.clear();
    const sampler = await service.createSamplingClient({ base_model: 'local/random' });
    const asked = () =>
      local.server.requests.filter(({ route }) => route === routes.poll).map(({ body }) => body);
    const soFar = asked().length;
    const prompt = modelInput(Array.from({ length: 60 }, (_, index) => index));
    await expect(sampler.computeLogprobs(prompt)).resolves.toHaveLength(60);
    await sampler.sample({ prompt, sampling_params: { max_tokens: 1 } });
    expect(asked().slice(soFar)).toMatchObject([
      { allow_metadata_only: true },
      { allow_metadata_only: false },
      { allow_metadata_only: true },
    ]);
  });

  it('has all its results fetched also when each is larger than what may be on its way at once', async () => {
    local.server.faults.add({
      route: '/api/v1/client/config',
      effect: { kind: 'reply', status: 200, body: { inflight_response_bytes_semaphore_size: 0 } },
    });
    const sampler = await (await local.connect()).createSamplingClient({ base_model: 'local/random' });
    const prompt = modelInput(Array.from({ length: 60 }, (_, index) => index));
    const results = await Promise.all(Array.from({ length: 6 }, () => sampler.computeLogprobs(prompt)));
    expect(results.map(({ length }) => length)).toEqual([60, 60, 60, 60, 60, 60]);
  });
});
