import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  modelInput,
  sampledDatum,
  supervisedDatum,
  type Datum,
  type ServiceClient,
  type TrainingClient,
} from '../../../src/index.ts';
import { briefOutage, startLocalService, type LocalService } from '../../helpers/local-service.ts';

const datum = supervisedDatum({ tokens: [5, 6, 7, 8, 9, 10] });
const cross_entropy = { loss_fn: 'cross_entropy' } as const;
const forwardBackwardRoute = '/api/v1/forward_backward';

let local: LocalService;
let service: ServiceClient;
let training: TrainingClient;

beforeAll(async () => {
  local = await startLocalService();
  service = await local.connect();
  training = await service.createLoraTrainingClient({ base_model: 'local/random', rank: 4, seed: 1 });
});
afterEach(() => local.server.faults.clear());
afterAll(() => local[Symbol.asyncDispose]());

function lossOf(client: TrainingClient, data: readonly Datum[] = [datum]): Promise<number> {
  return client
    .forward({ data, ...cross_entropy })
    .result()
    .then(({ metrics }) => metrics['loss:sum'] ?? Number.NaN);
}

describe('training client', () => {
  it('knows its model from its creation (TRN-11)', () => {
    expect(training.info).toMatchObject({
      is_lora: true,
      lora_rank: 4,
      model_data: { model_name: 'local/random' },
    });
    expect(training.modelId).toMatch(/:train:0$/);
  });

  it('trains with calls that are all in line before the first is answered (CBK-1)', async () => {
    const passes = Array.from({ length: 4 }, () => {
      const pass = training.forwardBackward({ data: [datum, datum], ...cross_entropy });
      void training.optimStep({ learning_rate: 1e-3 });
      return pass;
    });
    expect(passes.map(({ status }) => status)).toEqual(['queued', 'queued', 'queued', 'queued']);
    const outputs = await Promise.all(passes);
    const losses = outputs.map(({ metrics }) => metrics['loss:sum'] ?? Number.NaN);
    expect(losses.toSorted((a, b) => b - a)).toEqual(losses);
    expect(outputs[0]?.loss_fn_outputs[1]?.['logprobs']).toMatchObject({ dtype: 'float32', shape: [5] });
    expect(passes[0]).toMatchObject({ status: 'completed', requestId: expect.any(String) });
  });

  it('refuses bad data before it takes a place in line, naming datum and field', async () => {
    const bad = {
      ...datum,
      loss_fn_inputs: { ...datum.loss_fn_inputs, weights: { dtype: 'float32', data: [1, NaN] } },
    } as const;
    await expect(training.forward({ data: [datum, bad], ...cross_entropy })).rejects.toMatchObject({
      code: 'invalid_argument',
      message: 'data[1].loss_fn_inputs.weights[1] must be a finite number, and is NaN',
    });
    await expect(training.forward({ data: [], ...cross_entropy })).rejects.toThrow('No data provided');
    await expect(training.optimStep({ learning_rate: -1 })).rejects.toMatchObject({
      code: 'invalid_argument',
    });
    await expect(training.saveState({ name: 'a/b' })).rejects.toThrow('without slashes');
    await expect(lossOf(training)).resolves.toBeGreaterThan(0);
  });

  it('goes on after a call that the server refuses or fails (TRN: ordering contract)', async () => {
    const refused = training.forward({
      data: [supervisedDatum({ tokens: [1, 2, 2 ** 30] })],
      ...cross_entropy,
    });
    const badName = training.saveState({ name: '..' });
    const next = lossOf(training);
    await expect(refused).rejects.toThrow(/token/i);
    await expect(badName).rejects.toMatchObject({ category: 'user' });
    await expect(next).resolves.toBeGreaterThan(0);
  });

  it('leaves no gap for a call that is given up while it waits, by cancel, signal or deadline', async () => {
    const controller = new AbortController();
    local.server.faults.add({ route: forwardBackwardRoute, effect: { kind: 'delay', delayMs: 150 } });
    const first = training.forward({ data: [datum], ...cross_entropy });
    const cancelled = training.forward({ data: [datum], ...cross_entropy });
    const aborted = training.forward({ data: [datum], ...cross_entropy }, { signal: controller.signal });
    const late = training.forward({ data: [datum], ...cross_entropy }, { timeoutMs: 20 });
    const last = training.forward({ data: [datum], ...cross_entropy });
    cancelled.cancel();
    controller.abort(new Error('no longer wanted'));
    await expect(cancelled).rejects.toMatchObject({ code: 'cancelled' });
    await expect(aborted).rejects.toThrow('no longer wanted');
    await expect(late).rejects.toMatchObject({ code: 'timeout' });
    expect(cancelled.status).toBe('detached');
    await expect(first).resolves.toBeDefined();
    await expect(last).resolves.toBeDefined();
  });

  it('sends a call again with the same sequence id after an outage, and has it done once', async () => {
    const loss = await lossOf(training);
    local.server.faults.add({ route: forwardBackwardRoute, effect: briefOutage(503) });
    local.server.faults.add({ route: forwardBackwardRoute, effect: { kind: 'cut', afterBytes: 0 }, nth: 2 });
    await expect(lossOf(training)).resolves.toBeCloseTo(loss, 3);
  });

  it('splits a call by the limits of the server and puts the results together (wire-protocol 6.2)', async () => {
    local.server.faults.add({
      route: '/api/v1/client/config',
      effect: { kind: 'reply', status: 200, body: { fwdbwd_max_chunk_len: 2 } },
    });
    const limited = await local.connect();
    const chunked = await limited.createLoraTrainingClient({ base_model: 'local/random', rank: 4, seed: 1 });
    const widths: number[] = [];
    chunked.on('turn.submitted', ({ seq_id, width }) => widths.push(seq_id, width));
    const data = [3, 4, 5, 6, 7].map((token) => supervisedDatum({ tokens: [1, 2, token] }));
    const output = await chunked.forward({ data, ...cross_entropy });
    await chunked.optimStep();
    expect(widths).toEqual([1, 3, 4, 1]);
    expect(output.loss_fn_outputs).toHaveLength(5);
    expect(output.metrics['loss:sum']).toBeCloseTo(await lossOf(chunked, data), 3);
    const sent = local.server.requests.filter(({ route }) => route === forwardBackwardRoute).slice(-4, -1);
    expect(sent.map(({ body }) => (body as { seq_id: number }).seq_id)).toHaveLength(3);
  });

  it('falls back to JSON for a server that does not know protobuf, and stays with it', async () => {
    const older = await local.connect();
    const client = await older.createLoraTrainingClient({ base_model: 'local/random', rank: 4, seed: 1 });
    local.server.faults.add({
      route: forwardBackwardRoute,
      effect: { kind: 'reply', status: 415, body: { detail: 'application/json only' } },
    });
    await expect(client.forwardBackward({ data: [datum], ...cross_entropy })).resolves.toBeDefined();
    await expect(client.forwardBackward({ data: [datum], ...cross_entropy })).resolves.toBeDefined();
    const types = local.server.requests
      .filter(({ route }) => route === forwardBackwardRoute)
      .map(({ headers }) => headers['content-type']);
    expect(types.slice(-3)).toEqual(['application/x-protobuf', 'application/json', 'application/json']);
  });

  it.each(['protobuf', 'json'] as const)(
    'trains on several weighted targets a position, most of them left out, in %s (TYP-6, TYP-12)',
    async (wireFormat) => {
      const client = await (
        await local.connect({ wireFormat })
      ).createLoraTrainingClient({
        base_model: 'local/random',
        rank: 4,
        seed: 1,
      });
      const soft = (width: number): Datum => {
        const targets = new Int32Array(5 * width);
        const weights = new Float32Array(5 * width);
        for (let row = 0; row < 5; row++) [targets[row * width], weights[row * width]] = [row + 6, 1];
        const shape = [5, width];
        return {
          ...datum,
          loss_fn_inputs: {
            target_tokens: { dtype: 'int64', data: targets, shape },
            weights: { dtype: 'float32', data: weights, shape },
          },
        };
      };
      const output = await client.forwardBackward({ data: [soft(6)], ...cross_entropy });
      expect(output.loss_fn_outputs[0]?.['logprobs']?.shape).toEqual([5, 6]);
      expect(output.metrics['loss:sum']).toBeCloseTo(await lossOf(client), 3);
    },
  );

  it('trains on what it has sampled, by each of the policy losses (TYP-11, TYP-33)', async () => {
    const client = await service.createLoraTrainingClient({ base_model: 'local/random', rank: 4, seed: 3 });
    const sampler = await client.saveWeightsAndGetSamplingClient();
    const prompt = Int32Array.of(5, 6, 7);
    const sampling_params = { max_tokens: 4, seed: 1, stop: [] };
    const [sequence] = (await sampler.sample({ prompt: modelInput(prompt), sampling_params })).sequences;
    if (sequence === undefined) throw new Error('a sample has one sequence');
    const data = [sampledDatum({ prompt, sequence, advantages: 0.5 })];
    expect(data[0]?.model_input_spans?.[1]).toMatchObject({ sequence_id: sequence.sequence_id, length: 3 });
    const clipping = { clip_low_threshold: 0.5, clip_high_threshold: 2 };
    // The tokens whose ratio is the sequence's: those that were sampled.
    const mask = { dtype: 'float32', data: [0, 0, 1, 1, 1, 1] } as const;
    const masked = data.map((row) => ({
      ...row,
      loss_fn_inputs: { ...row.loss_fn_inputs, sequence_ratio_mask: mask },
    }));
    const [sampling, ppo, cispo, gspo] = await Promise.all([
      client.forwardBackward({ data, loss_fn: 'importance_sampling' }),
      client.forwardBackward({ data, loss_fn: 'ppo', loss_fn_config: clipping }),
      client.forwardBackward({ data, loss_fn: 'cispo', loss_fn_config: clipping }),
      client.forwardBackward({ data: masked, loss_fn: 'gspo', loss_fn_config: clipping }),
    ]);
    // The model is its own sampler, so every ratio is 1: four tokens with half an advantage each.
    for (const { metrics } of [sampling, ppo, gspo]) expect(metrics['loss:sum']).toBeCloseTo(-2, 2);
    const logprobSum = sequence.logprobs?.reduce((sum, logprob) => sum + logprob, 0) ?? Number.NaN;
    expect(cispo.metrics['loss:sum']).toBeCloseTo(-logprobSum / 2, 1);
    await expect(client.optimStep()).resolves.toBeDefined();
  });

  it('continues from a saved state, with the optimizer or without (SVC-3, SVC-4)', async () => {
    const client = await service.createLoraTrainingClient({ base_model: 'local/random', rank: 4, seed: 9 });
    void client.forwardBackward({ data: [datum], ...cross_entropy });
    void client.optimStep({ learning_rate: 1e-2 });
    const events: string[] = [];
    client.on('checkpoint.saved', ({ path }) => events.push(path));
    const { path } = await client.saveState({ name: 'half-way' });
    expect(events).toEqual([path]);
    const step = async (trained: TrainingClient): Promise<number> => {
      void trained.forwardBackward({ data: [datum], ...cross_entropy });
      void trained.optimStep({ learning_rate: 1e-2 });
      return lossOf(trained);
    };
    const resumed = await service.createTrainingClientFromState({ path, optimizer: true });
    const restarted = await service.createTrainingClientFromState({ path });
    const [expected, withOptimizer, without] = [
      await step(client),
      await step(resumed),
      await step(restarted),
    ];
    expect(withOptimizer).toBeCloseTo(expected, 4);
    expect(Math.abs(without - expected)).toBeGreaterThan(1e-3);
  });

  it('fails a second save of a name, and overwrites when asked (TRN-5)', async () => {
    await training.saveState({ name: 'twice' });
    await expect(training.saveState({ name: 'twice' })).rejects.toMatchObject({
      code: 'request_failed',
      failure_category: 'user',
    });
    await expect(training.saveState({ name: 'twice', overwrite: true })).resolves.toBeDefined();
  });

  it('samples from the weights as they were at that place in line (TRN-9)', async () => {
    const client = await service.createLoraTrainingClient({ base_model: 'local/random', rank: 4, seed: 2 });
    const before = client.forward({ data: [datum], ...cross_entropy });
    const sampler = client.saveWeightsAndGetSamplingClient();
    void client.forwardBackward({ data: [datum], ...cross_entropy });
    void client.optimStep({ learning_rate: 1e-1 });
    const logprobs = await (await sampler).computeLogprobs(modelInput([5, 6, 7, 8, 9, 10]));
    const sum = logprobs.subarray(1).reduce((total, value) => total + value, 0);
    expect(-sum).toBeCloseTo((await before).metrics['loss:sum'] ?? 0, 2);
  });
});
