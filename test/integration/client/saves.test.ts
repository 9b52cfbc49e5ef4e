import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ManualClock } from '../../../src/core/clock.ts';
import { modelInput, supervisedDatum, type TrainingClient } from '../../../src/index.ts';
import { startLocalService, type LocalService } from '../../helpers/local-service.ts';
import type { ScriptedReply } from '../../helpers/scripted-server.ts';
import { connectScripted } from '../../helpers/scripted-service.ts';

describe('external weights (TRN-16, RST-24)', () => {
  let local: LocalService;
  let client: TrainingClient;

  beforeAll(async () => {
    local = await startLocalService();
    const service = await local.connect();
    client = await service.createLoraTrainingClient({ base_model: 'local/random', rank: 4 });
  });
  afterAll(() => local[Symbol.asyncDispose]());

  it('are saved at their place in line, and give a link for each file', async () => {
    const events: string[] = [];
    client.on('checkpoint.saved', ({ path }) => events.push(path));
    const saved = await client.saveWeightsExternal({ name: 'export', ttl_seconds: 3600 });
    expect(saved.path).toBe(`tinker://${client.modelId}/external_weights/export`);
    expect(events).toEqual([saved.path]);
    const rest = await (await local.connect()).createRestClient();
    const { urls } = await rest.getExternalWeightsUrls(saved.path);
    const bodies = await Promise.all(
      Object.values(urls).map(async (url) => (await fetch(url)).arrayBuffer()),
    );
    expect(bodies.reduce((sum, { byteLength }) => sum + byteLength, 0)).toBe(saved.size_bytes);
    const { items } = await rest.listCheckpoints(client.modelId);
    const [listed] = items.filter(({ checkpoint_type }) => checkpoint_type === 'external');
    expect(listed).toMatchObject({ tinker_path: saved.path, expires_at: expect.any(String) });
  });

  it('are refused with the keys that the server cannot encrypt for, and with more than ten', async () => {
    const age_encryption_recipients = ['age1abc'];
    const refused = client.saveWeightsExternal({ name: 'secret', age_encryption_recipients });
    await expect(refused).rejects.toMatchObject({ code: 'unprocessable' });
    const many = { name: 'secret', age_encryption_recipients: Array<string>(11).fill('age1abc') };
    await expect(client.saveWeightsExternal(many)).rejects.toThrow('at most ten public keys');
    await expect(client.saveWeightsExternal({ name: 'later' })).resolves.toBeDefined();
  });

  it('and every other save refuse a name or an expiry that cannot be right, before anything is sent', async () => {
    for (const ttl_seconds of [0, -3600, 0.5, Number.NaN]) {
      const input = { name: 'n', ttl_seconds };
      await expect(client.saveState(input)).rejects.toThrow('ttl_seconds must be a positive');
      await expect(client.saveWeightsForSampler(input)).rejects.toThrow('ttl_seconds must be a positive');
      await expect(client.saveWeightsExternal(input)).rejects.toThrow('ttl_seconds must be a positive');
    }
    await expect(client.saveWeightsExternal({ name: 'a/b' })).rejects.toThrow('without slashes');
    await expect(client.saveWeightsExternal({ name: 'a', overwrite: true } as never)).rejects.toThrow(
      'overwrite',
    );
  });
});

const replies: Readonly<Record<string, ScriptedReply>> = {
  '/create_session': { session_id: 's' },
  '/create_model': { request_id: 'create' },
  '/get_info': { model_id: 's:train:0', model_data: {} },
  '/sessions/s/finish': {},
};

function resultsOf(results: Record<string, object>): ScriptedReply {
  return ({ body }) => {
    const { request_id } = body as { request_id: string };
    const created = { create: { type: 'create_model', model_id: 's:train:0' } };
    return { status: 200, json: { ...created, ...results }[request_id] ?? { error: 'unknown' } };
  };
}

describe('a sampler of the weights as they are (TRN-9)', () => {
  it('is a snapshot, or one that moves on with later saves of its kind', async () => {
    await using scripted = await connectScripted({
      ...replies,
      '/save_weights_for_sampler': { request_id: 'save' },
      '/retrieve_future': resultsOf({ save: { sampling_session_id: 's:sample:0' } }),
      '/samplers/s:sample:0': { sampler_id: 's:sample:0', base_model: 'base' },
    });
    const client = await scripted.service.createLoraTrainingClient({ base_model: 'base' });
    await client.saveWeightsAndGetSamplingClient();
    const sampler = await client.saveWeightsAndGetSamplingClient({ kind: 'inflight' });
    // The model does not say what it is based on; its sampler does.
    expect(sampler).toMatchObject({ samplerId: 's:sample:0', baseModel: 'base' });
    const of = { model_id: 's:train:0', type: 'save_weights_for_sampler' };
    expect(scripted.sentTo('/save_weights_for_sampler').map(({ body }) => body)).toEqual([
      { ...of, sampling_session_seq_id: 0, kind: 'snapshot', seq_id: 1 },
      { ...of, sampling_session_seq_id: 1, kind: 'inflight', seq_id: 2 },
    ]);
    await expect(client.saveWeightsAndGetSamplingClient({ kind: 'moving' as never })).rejects.toThrow(
      'inflight',
    );
    await expect(client.saveWeightsAndGetSamplingClient({ ttl_seconds: 3600 } as never)).rejects.toThrow(
      "no option 'ttl_seconds'",
    );
  });

  it('works where nobody says what the model is based on', async () => {
    await using scripted = await connectScripted({
      ...replies,
      '/save_weights_for_sampler': { request_id: 'save' },
      '/retrieve_future': resultsOf({ save: { sampling_session_id: 'sampling_1' } }),
    });
    const client = await scripted.service.createLoraTrainingClient({ base_model: 'base' });
    const sampler = await client.saveWeightsAndGetSamplingClient();
    expect(sampler).toMatchObject({ samplerId: 'sampling_1', baseModel: null });
  });
});

describe("a sampler's weights saved under a name (TRN-8)", () => {
  it('have a path that every other call takes, where the server leaves the kind out', async () => {
    await using scripted = await connectScripted({
      ...replies,
      '/save_weights_for_sampler': { request_id: 'save' },
      '/retrieve_future': resultsOf({ save: { path: 'tinker://model_1/n' } }),
    });
    const client = await scripted.service.createLoraTrainingClient({ base_model: 'base' });
    const saved = await client.saveWeightsForSampler({ name: 'n' });
    expect(saved.path).toBe('tinker://model_1/sampler_weights/n');
  });
});

describe('a save under a name that the server answers with 409 (TRN-5, TRN-8, TRN-16)', () => {
  const saves = [
    ['saveState', '/save_weights', 'training', 'weights/n'],
    ['saveWeightsForSampler', '/save_weights_for_sampler', 'sampler', 'sampler_weights/n'],
    // Some servers list a checkpoint by its bare name.
    ['saveWeightsExternal', '/save_weights_external', 'external', 'n'],
  ] as const;
  const conflict = { status: 409, json: { detail: 'the name exists' } };

  it.each(saves)(
    '%s returns the checkpoint that an earlier attempt has written',
    async (method, route, type, id) => {
      const clock = new ManualClock();
      const tinker_path = `tinker://s:train:0/${type}/n`;
      const time = new Date(clock.now() + 1000).toISOString();
      const older = {
        checkpoint_id: 'weights/other',
        checkpoint_type: type,
        time,
        tinker_path: 'tinker://x',
      };
      let attempts = 0;
      await using scripted = await connectScripted(
        {
          ...replies,
          // The first answer is lost on its way.
          [route]: () => (attempts++ === 0 ? { status: 502 } : conflict),
          '/retrieve_future': resultsOf({}),
          '/training_runs/s:train:0/checkpoints': {
            checkpoints: [older, { checkpoint_id: id, checkpoint_type: type, time, tinker_path }],
          },
        },
        { clock },
      );
      const client = await scripted.service.createLoraTrainingClient({ base_model: 'base' });
      const saving = client[method]({ name: 'n' });
      await expect.poll(() => (clock.advance(250), saving.status), { timeout: 10_000 }).toBe('completed');
      await expect(saving).resolves.toEqual({ path: tinker_path });
      expect(scripted.sentTo(route)).toHaveLength(2);
    },
  );

  it.each(saves)('%s says at once that somebody else has taken the name', async (method, route) => {
    await using scripted = await connectScripted({
      ...replies,
      [route]: () => conflict,
      '/forward_backward': { request_id: 'filled' },
      '/retrieve_future': resultsOf({}),
    });
    const client = await scripted.service.createLoraTrainingClient({ base_model: 'base' });
    await expect(client[method]({ name: 'n' })).rejects.toMatchObject({ code: 'conflict' });
    expect(scripted.sentTo(route)).toHaveLength(1);
  });
});

describe('a sampler of a moving kind on the local server (TRN-9)', () => {
  it('samples', async () => {
    await using local = await startLocalService();
    const service = await local.connect();
    const client = await service.createLoraTrainingClient({ base_model: 'local/random', rank: 2 });
    void client.forwardBackward({ data: [supervisedDatum({ tokens: [5, 6, 7] })], loss_fn: 'cross_entropy' });
    void client.optimStep();
    const sampler = await client.saveWeightsAndGetSamplingClient({ kind: 'inflight' });
    const { sequences } = await sampler.sample({
      prompt: modelInput([5, 6]),
      sampling_params: { max_tokens: 2 },
    });
    expect(sequences).toHaveLength(1);
  });
});
