import { describe, expect, it } from 'vitest';
import { ServiceClient } from '../../../src/index.ts';
import { startLocalService } from '../../helpers/local-service.ts';
import { recordingLogger } from '../../helpers/quiet-logger.ts';
import { startScriptedServer } from '../../helpers/scripted-server.ts';

describe('the optimizer of a model (TYP-34)', () => {
  it('is chosen at its creation, and its steps carry its own parameters, as the official client sends them', async () => {
    const dimuon = { type: 'dimuon', version: 1 };
    await using server = await startScriptedServer({
      '/create_session': { session_id: 'sess-1' },
      '/session_heartbeat': {},
      '/create_model': { request_id: 'r' },
      '/get_info': { model_id: 'sess-1:train:0', model_data: {}, optimizer_config: dimuon },
      '/optim_step': { request_id: 'r' },
      '/retrieve_future': { model_id: 'sess-1:train:0', metrics: { norm: 1 } },
    });
    const connection = { baseUrl: server.url, apiKey: 'tml-test', logger: recordingLogger() };
    await using service = await ServiceClient.connect(connection);
    const training = await service.createLoraTrainingClient({
      base_model: 'base',
      optimizer_config: { type: 'dimuon' },
    });
    const { metrics } = await training.optimStep({ type: 'dimuon', learning_rate: 0.02 });
    expect(metrics).toEqual({ norm: 1 });
    await expect(training.optimStep({ learning_rate: 0.02 })).rejects.toThrow(
      'the optimizer of this model is dimuon',
    );
    const bodyOf = (path: string): unknown => server.requests.find((request) => request.path === path)?.body;
    expect(bodyOf('/create_model')).toMatchObject({ optimizer_config: dimuon });
    expect(bodyOf('/optim_step')).toEqual({
      model_id: 'sess-1:train:0',
      seq_id: 1,
      type: 'optim_step',
      optimizer_params: { type: 'dimuon', learning_rate: 0.02, grad_clip_norm: 0, beta1: 0.9 },
    });
  });

  it('is refused by the local server where it has no such one', async () => {
    await using local = await startLocalService();
    const service = await local.connect();
    const input = { base_model: 'local/random', rank: 4, optimizer_config: { type: 'dimuon' } } as const;
    await expect(service.createLoraTrainingClient(input)).rejects.toThrow('dimuon');
  });
});
