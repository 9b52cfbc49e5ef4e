import assert from 'node:assert/strict';
import path from 'node:path';
import type { ForwardBackwardOutput, TrainingClient } from '../../src/index.ts';
import { batch, data, prompt, type Stage } from './stage.ts';

type Step = (stage: Stage) => unknown;

const sampling_params = { max_tokens: 4, seed: 3 };
const learning_rate = 1e-2;

/** Steps by class and public method, each of which throws unless it did what it says. */
export const methodSteps: Readonly<Record<string, Readonly<Record<string, Step>>>> = {
  ServiceClient: {
    connect: ({ service }) => assert(service),
    getServerCapabilities: async ({ service, baseModel }) => {
      const { supported_models } = await service.getServerCapabilities();
      assert(supported_models.some(({ model_name }) => model_name === baseModel));
    },
    createLoraTrainingClient: async (stage) => assert((await stage.newModel()).modelId !== ''),
    createTrainingClientFromState: async (stage) => {
      const { service } = stage;
      const resumed = await service.createTrainingClientFromState({ path: await stage.state() });
      assert((await resumed.forward(batch)).loss_fn_outputs.length === data.length);
    },
    createSamplingClient: async (stage) => {
      const sampler = await stage.service.createSamplingClient({ model_path: await stage.weights() });
      assert((await sampler.sample({ prompt, sampling_params })).sequences.length === 1);
    },
    createRestClient: async ({ service }) => assert(await service.createRestClient()),
    createAdminClient: async ({ service }) => assert(await service.createAdminClient()),
    copyWeights: async (stage) => {
      const input = { destination_project_id: 'project-1' };
      await stage.service.copyWeights(await stage.weights(), input);
    },
    close: async (stage) => {
      const other = await stage.connect('tml-other');
      await other.createLoraTrainingClient({ base_model: stage.baseModel, rank: 4 });
      await other.close();
      await assert.rejects(other.createRestClient(), /closed/);
    },
    downloads: async (stage) => {
      const { service, folder } = stage;
      const options = { outputDir: path.join(folder, 'downloads') };
      const { files } = await service.downloads.download(await stage.weights(), options);
      assert(files.some(({ name }) => name.endsWith('.safetensors')));
    },
  },
  TrainingClient: {
    info: async (stage) => assert((await stage.training()).info.model_id !== ''),
    modelId: async (stage) => assert((await stage.training()).modelId !== ''),
    forward: async (stage) => {
      const { loss_fn_outputs } = await (await stage.training()).forward(batch);
      assert(loss_fn_outputs[0]?.['logprobs']?.data.length === 4);
    },
    forwardBackward: async (stage) => {
      const output = await (await stage.training()).forwardBackward(batch);
      assert(lossOf(output) > 0, JSON.stringify(output.metrics));
    },
    forwardBackwardCustom: async (stage) => {
      const training = await stage.training();
      await training.forwardBackwardCustom({
        data,
        loss: ({ logprobs }) => ({
          loss: -logprobs.flatMap((row) => [...row]).reduce((sum, value) => sum + value, 0),
          gradients: logprobs.map((row) => row.map(() => -1)),
        }),
      });
    },
    createCustomLoss: async (stage) => {
      await (
        await stage.training()
      ).createCustomLoss({
        name: 'negative_sum',
        inputs: [{ name: 'logprobs', rank: 1 }],
        graph: {
          nodes: [
            { op: 'placeholder', name: 'logprobs', target: 'logprobs' },
            { op: 'call_method', name: 'sum_1', target: 'sum', args: [{ node: 'logprobs' }] },
            { op: 'call_function', name: 'neg', target: 'operator.neg', args: [{ node: 'sum_1' }] },
            { op: 'output', name: 'output', target: 'output', args: [[{ node: 'neg' }, {}]] },
          ],
        },
      });
    },
    optimStep: async (stage) => {
      const training = await stage.newModel();
      const losses = await train(training, 6);
      assert((losses.at(-1) ?? 0) < (losses[0] ?? 0), losses.join(' '));
    },
    saveState: async (stage) => assert.match(await stage.state(), /^tinker:/),
    saveWeightsForSampler: async (stage) => assert.match(await stage.weights(), /^tinker:/),
    saveWeightsExternal: async (stage) => assert.match(await stage.exported(), /^tinker:/),
    saveWeightsAndGetSamplingClient: async (stage) => {
      const sampler = await (await stage.training()).saveWeightsAndGetSamplingClient();
      assert((await sampler.sample({ prompt, sampling_params })).sequences.length === 1);
    },
    loadState: async (stage) => (await stage.newModel()).loadState({ path: await stage.state() }),
    loadStateWithOptimizer: async (stage) =>
      (await stage.newModel()).loadStateWithOptimizer({ path: await stage.state() }),
    createSamplingClient: async (stage) =>
      (await stage.training()).createSamplingClient({ model_path: await stage.weights() }),
    getTokenizer: async (stage) =>
      assert((await (await stage.training()).getTokenizer()).encode('The fox').length > 0),
  },
  SamplingClient: {
    samplerId: async (stage) => assert((await stage.sampler()).samplerId !== ''),
    baseModel: async (stage) => assert.equal((await stage.sampler()).baseModel, stage.baseModel),
    sample: async (stage) => {
      const sampler = await stage.sampler();
      const { sequences } = await sampler.sample({ prompt, num_samples: 2, sampling_params });
      assert(sequences.length === 2 && sequences.every(({ tokens }) => tokens.length <= 4));
    },
    on: async (stage) => {
      const sampler = await stage.service.createSamplingClient({ base_model: stage.baseModel });
      const done: string[] = [];
      sampler.on('sample.completed', ({ request_id }) => done.push(request_id));
      await sampler.sample({ prompt, sampling_params });
      assert(done.length === 1);
    },
    computeLogprobs: async (stage) =>
      assert((await (await stage.sampler()).computeLogprobs(prompt)).length === 3),
    toHandle: async (stage) => {
      const handle = (await stage.sampler()).toHandle();
      const copy = await stage.service.createSamplingClient({ handle });
      assert((await copy.sample({ prompt, sampling_params })).sequences.length === 1);
    },
    getTokenizer: async (stage) =>
      assert((await (await stage.sampler()).getTokenizer()).encode('The fox').length > 0),
  },
  RestClient: {
    getServerCapabilities: async (stage) => (await stage.rest()).getServerCapabilities(),
    whoami: async (stage) => (await stage.rest()).whoami(),
    getSelfApiKey: async (stage) => (await stage.rest()).getSelfApiKey(),
    revokeSelfApiKey: async (stage) => {
      const other = await stage.connect('tml-to-be-revoked');
      await (await other.createRestClient()).revokeSelfApiKey();
    },
    getSession: async (stage) => {
      const [id = ''] = (await (await stage.rest()).listSessions()).items;
      await (await stage.rest()).getSession(id);
    },
    listSessions: async (stage) => assert((await (await stage.rest()).listSessions()).items.length > 0),
    searchSessions: async (stage) => assert((await (await stage.rest()).searchSessions()).items.length > 0),
    assignSessionProject: async (stage) =>
      (await stage.rest()).assignSessionProject(await sessionId(stage), 'project-1'),
    exportSessionTrace: async (stage) => (await stage.rest()).exportSessionTrace(await sessionId(stage)),
    fetchSessionTrace: async (stage) =>
      assert((await (await stage.rest()).fetchSessionTrace(await sessionId(stage))).length > 0),
    getHealth: async (stage) => assert.equal((await (await stage.rest()).getHealth()).status, 'ok'),
    getSampler: async (stage) => (await stage.rest()).getSampler((await stage.sampler()).samplerId),
    listTrainingRuns: async (stage) => {
      const runId = await stage.runId();
      const { items } = await (await stage.rest()).listTrainingRuns();
      assert(items.some(({ training_run_id }) => training_run_id === runId));
    },
    getTrainingRun: async (stage) =>
      assert((await (await stage.rest()).getTrainingRun(await stage.runId())).base_model === stage.baseModel),
    getTrainingRunByTinkerPath: async (stage) =>
      (await stage.rest()).getTrainingRunByTinkerPath(await stage.state()),
    listCheckpoints: async (stage) => {
      const [state, weights] = [await stage.state(), await stage.weights()];
      const { items } = await (await stage.rest()).listCheckpoints(await stage.runId());
      const paths = items.map(({ tinker_path }) => tinker_path);
      assert(paths.includes(state) && paths.includes(weights), paths.join(' '));
    },
    listUserCheckpoints: async (stage) =>
      assert((await (await stage.rest()).listUserCheckpoints()).items.length > 0),
    getWeightsInfo: async (stage) =>
      assert((await (await stage.rest()).getWeightsInfo(await stage.state())).lora_rank === 8),
    getExternalWeightsUrls: async (stage) =>
      (await stage.rest()).getExternalWeightsUrls(await stage.exported()),
    getCheckpointArchiveUrl: async (stage) =>
      assert((await (await stage.rest()).getCheckpointArchiveUrl(await stage.weights())).url !== ''),
    copyWeights: async (stage) =>
      (await stage.rest()).copyWeights(await stage.weights(), { destination_project_id: 'project-1' }),
    publishCheckpoint: async (stage) => (await stage.rest()).publishCheckpoint(await stage.weights()),
    unpublishCheckpoint: async (stage) => (await stage.rest()).unpublishCheckpoint(await stage.weights()),
    setCheckpointTtl: async (stage) => (await stage.rest()).setCheckpointTtl(await stage.fresh(), 7200),
    deleteCheckpoint: async (stage) => (await stage.rest()).deleteCheckpoint(await stage.fresh()),
    externalWeightsUploadStart: async (stage) =>
      (await stage.rest()).externalWeightsUploadStart({
        base_model: stage.baseModel,
        lora_config: { rank: 8 },
      }),
    externalWeightsUploadFinish: async (stage) => {
      const rest = await stage.rest();
      const input = { base_model: stage.baseModel, lora_config: { rank: 8 } };
      const upload = await rest.externalWeightsUploadStart(input);
      const { urls } = await rest.getExternalWeightsUrls(await stage.exported());
      for (const [name, target] of Object.entries(upload.urls)) {
        const file = await fetch(urls[name] ?? '');
        assert((await fetch(target, { method: 'PUT', body: await file.arrayBuffer() })).ok, name);
      }
      await rest.externalWeightsUploadFinish(upload.upload_id);
    },
  },
  AdminClient: {
    getAuditLog: async ({ service }) => (await service.createAdminClient()).getAuditLog(),
    getBillingUsage: async ({ service }) => {
      const hourMs = 3_600_000;
      const now = Math.floor(Date.now() / hourMs) * hourMs;
      await (
        await service.createAdminClient()
      ).getBillingUsage({
        starting_on: new Date(now - 24 * hourMs).toISOString(),
        ending_before: new Date(now).toISOString(),
      });
    },
    getCurrentCheckpointStorageUsage: async ({ service }) =>
      (await service.createAdminClient()).getCurrentCheckpointStorageUsage(),
  },
};

/** What a training program does over several calls. */
export const scenarioSteps: Readonly<Record<string, Step>> = {
  'saved and loaded with its optimizer, training goes on exactly': async (stage) => {
    const training = await stage.newModel();
    await train(training, 3);
    const { path: state } = await training.saveState({ name: 'resume' });
    const goneOn = await train(training, 3);
    const resumed = await stage.service.createTrainingClientFromState({ path: state, optimizer: true });
    const again = await train(resumed, 3);
    for (const [index, loss] of goneOn.entries()) assert(Math.abs(loss - (again[index] ?? 0)) < 1e-3);
  },
  'importance_sampling takes a step': (stage) => policyStep(stage, 'importance_sampling'),
  'ppo takes a step': (stage) => policyStep(stage, 'ppo'),
  'cispo takes a step': (stage) => policyStep(stage, 'cispo'),
  'dro takes a step': (stage) => policyStep(stage, 'dro'),
  'gspo takes a step': (stage) => policyStep(stage, 'gspo'),
};

async function policyStep(
  stage: Stage,
  loss_fn: 'importance_sampling' | 'ppo' | 'cispo' | 'dro' | 'gspo',
): Promise<void> {
  const training = await stage.newModel();
  const rows = data.map(({ model_input, loss_fn_inputs: { target_tokens } }) => {
    const length = model_input.chunks[0]?.type === 'encoded_text' ? model_input.chunks[0].tokens.length : 0;
    const shape = [length];
    const filled = (value: number) => ({
      dtype: 'float32' as const,
      data: new Float32Array(length).fill(value),
      shape,
    });
    assert(target_tokens !== undefined);
    const inputs = { target_tokens, logprobs: filled(-6), advantages: filled(1) };
    return {
      model_input,
      loss_fn_inputs: loss_fn === 'gspo' ? { ...inputs, sequence_ratio_mask: filled(1) } : inputs,
    };
  });
  assert(Number.isFinite(lossOf(await training.forwardBackward({ data: rows, loss_fn }))));
  await training.optimStep({ learning_rate });
}

/** Losses of so many steps, pipelined. */
async function train(training: TrainingClient, count: number): Promise<number[]> {
  const calls = Array.from({ length: count }, () => {
    const call = training.forwardBackward(batch);
    void training.optimStep({ learning_rate });
    return call;
  });
  const outputs = await Promise.all(calls);
  return outputs.map(lossOf);
}

/** The summed loss; SkyRL gives no such metric, only the parts. */
function lossOf({ metrics, loss_fn_outputs }: ForwardBackwardOutput): number {
  const parts = loss_fn_outputs.flatMap(({ elementwise_loss }) =>
    elementwise_loss === undefined ? [Number.NaN] : Array.from(elementwise_loss.data, Number),
  );
  return metrics['loss:sum'] ?? parts.reduce((sum, value) => sum + value, 0);
}

async function sessionId(stage: Stage): Promise<string> {
  const [id = ''] = (await (await stage.rest()).listSessions()).items;
  return id;
}
