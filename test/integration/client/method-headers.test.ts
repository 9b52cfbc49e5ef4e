import { describe, expect, it } from 'vitest';
import { modelInput, supervisedDatum } from '../../../src/index.ts';
import { startLocalService } from '../../helpers/local-service.ts';

const call = { data: [supervisedDatum({ tokens: [5, 6, 7] })], loss_fn: 'cross_entropy' } as const;

describe('the public call that a request comes from (CFG-23)', () => {
  it('is named with each request of it, its polls included, and by no other request', async () => {
    await using local = await startLocalService();
    const service = await local.connect();
    const training = await service.createLoraTrainingClient({ base_model: 'local/random', rank: 2 });
    await training.forwardBackward(call);
    await training.saveState({ name: 'state' });
    const sampler = await service.createSamplingClient({ base_model: 'local/random' });
    await sampler.sample({ prompt: modelInput([5, 6]), sampling_params: { max_tokens: 1 } });
    // A call within a call keeps the name of the outer one.
    await sampler.computeLogprobs(modelInput([5, 6]));
    await (await service.createRestClient()).listCheckpoints(training.modelId);
    await service.close();

    const named = (method: string): string[] => [
      ...new Set(
        local.server.requests
          .filter(({ headers }) => headers['x-sdk-method'] === method)
          .map(({ path }) => path.replace('/api/v1', '').replace(training.modelId, ':run')),
      ),
    ];
    expect(named('ServiceClient.createLoraTrainingClient')).toEqual([
      '/create_model',
      '/retrieve_future',
      '/get_info',
    ]);
    expect(named('TrainingClient.forwardBackward')).toEqual(['/forward_backward', '/retrieve_future']);
    expect(named('TrainingClient.saveState')).toEqual(['/save_weights', '/retrieve_future']);
    expect(named('ServiceClient.createSamplingClient')).toEqual(['/create_sampling_session']);
    expect(named('SamplingClient.sample')).toEqual(['/asample', '/retrieve_future']);
    expect(named('SamplingClient.computeLogprobs')).toEqual(['/asample', '/retrieve_future']);
    expect(named('RestClient.listCheckpoints')).toEqual(['/training_runs/:run/checkpoints']);

    expect(named('ServiceClient.close')).toEqual([expect.stringMatching(/^\/sessions\/.*\/finish$/)]);

    const attributed = local.server.requests.filter(({ headers }) => 'x-sdk-method' in headers);
    expect(new Set(attributed.map(({ headers }) => headers['x-sdk-version']))).toEqual(new Set(['0.38.0']));
    const others = local.server.requests.filter(({ headers }) => !('x-sdk-version' in headers));
    const anonymous = others.map(({ path }) => path.replace('/api/v1', ''));
    expect([...new Set(anonymous)].toSorted()).toEqual([
      '/client/config',
      '/client/dynamic_config',
      '/create_session',
      '/retrieve_futures',
      '/telemetry',
    ]);
  });
});
