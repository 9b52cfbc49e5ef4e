import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Engine, SampleTask, TrainingRow } from '../../../../src/server/engine/engine.ts';
import { createEngine, EngineError } from '../../../../src/server/engine/index.ts';
import { adam, fullLora, modelsDirectory, sampleTask, textRow } from './fixtures.ts';

let engine: Engine;

beforeAll(async () => {
  engine = createEngine({ modelsDirectory, randomSeed: 1n });
  await engine.createModel({ modelId: 'model', baseModel: 'local/random', lora: fullLora });
  await engine.createSampler({ samplerId: 'sampler', baseModel: 'local/random', from: { kind: 'base' } });
});
afterAll(() => engine.close());

async function expectRefusal(call: Promise<unknown>, message: RegExp) {
  const error: unknown = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(EngineError);
  expect(error).toMatchObject({ category: 'user', message: expect.stringMatching(message) });
}

const row = textRow('The cat sat.');
const length = row.tokens.length;

describe('what the engine refuses', () => {
  it.each<[string, string, Partial<TrainingRow>, RegExp]>([
    [
      'every missing input at once',
      'ppo',
      { weights: undefined },
      /Datum 0: loss_fn_inputs of ppo misses logprobs, advantages/,
    ],
    ['missing weights', 'cross_entropy', { weights: undefined }, /cross_entropy misses weights/],
    ['an unknown loss', 'stable_reinforce', {}, /Unknown loss_fn "stable_reinforce"/],
    ['no tokens', 'cross_entropy', { tokens: new Int32Array(0) }, /model_input has no tokens/],
    [
      'too few targets',
      'cross_entropy',
      { targets: new Int32Array(1) },
      /target_tokens has 1 entries, expected \d+/,
    ],
    ['weights of another length', 'cross_entropy', { weights: new Float32Array(1) }, /weights has 1 entries/],
    [
      'a weight that is no number',
      'cross_entropy',
      { weights: new Float32Array(length).fill(Number.NaN) },
      /weights has a value that is not finite, at entry 0/,
    ],
    [
      'a token outside the vocabulary',
      'cross_entropy',
      { tokens: new Int32Array(length).fill(512) },
      /token 512, and the vocabulary is 0 to 511/,
    ],
    [
      'a target outside the vocabulary',
      'cross_entropy',
      { targets: new Int32Array(length).fill(-1) },
      /target_tokens has token -1/,
    ],
    [
      'several targets where one is meant',
      'dro',
      {
        targetCount: 2,
        targets: new Int32Array(2 * length),
        logprobs: new Float32Array(2 * length),
        advantages: new Float32Array(2 * length),
      },
      /dro takes one target per position, not 2/,
    ],
    [
      'a row over the context',
      'cross_entropy',
      { tokens: new Int32Array(1025) },
      /1025 tokens, and the model's context is 1024/,
    ],
  ])('names %s', async (_title, loss, changes, message) => {
    const rows = [{ ...row, ...changes }];
    const call = engine.forwardBackward({ modelId: 'model', rows, loss, lossConfig: {}, forwardOnly: false });
    await expectRefusal(call, message);
  });

  it('names the datum at fault, and nothing of the call reaches the gradient', async () => {
    const rows = [row, { ...row, weights: undefined }];
    const task = { modelId: 'model', rows, loss: 'cross_entropy', lossConfig: {}, forwardOnly: false };
    await expectRefusal(engine.forwardBackward(task), /Datum 1: .*misses weights/);
    await expectRefusal(engine.forwardBackward({ ...task, rows: [] }), /data is empty/);
    await expectRefusal(
      engine.forwardBackward({ ...task, rows: [row], lossConfig: { beta: 1 } }),
      /loss_fn_config of cross_entropy: beta/,
    );
    expect((await engine.optimStep('model', adam)).metrics).toMatchObject({ grad_norm: 0 });
  });

  it.each<[string, string, Partial<TrainingRow>, RegExp]>([
    ['a mask without marks', 'gspo', { sequence_ratio_mask: new Float32Array(length) }, /marks no position/],
    [
      'bounds that cross',
      'ppo',
      { clip_low_threshold: new Float32Array(length).fill(1.3) },
      /clip_low_threshold is above clip_high_threshold at entry 0/,
    ],
    [
      'bounds of another length',
      'ppo',
      { clip_low_threshold: new Float32Array(1) },
      /clip_low_threshold has 1/,
    ],
    [
      'a ratio that no number holds',
      'importance_sampling',
      { logprobs: new Float32Array(length).fill(-1e4) },
      /Datum 1: importance_sampling is not finite at entry 0: .*-\d.*logprobs has -10000/,
    ],
  ])(
    'names %s, and nothing of the call reaches the gradient (TRN-2)',
    async (_title, loss, changes, message) => {
      const ones = new Float32Array(length).fill(1);
      const policy = {
        ...row,
        logprobs: new Float32Array(length),
        advantages: ones,
        sequence_ratio_mask: ones,
      };
      const rows = [policy, { ...policy, ...changes }];
      const task = { modelId: 'model', rows, loss, lossConfig: {}, forwardOnly: false };
      await expectRefusal(engine.forwardBackward(task), message);
      expect((await engine.optimStep('model', adam)).metrics).toMatchObject({ grad_norm: 0 });
    },
  );

  it('says of weights that have left the numbers what happened to them (TRN-4)', async () => {
    await engine.createModel({ modelId: 'blown', baseModel: 'local/random', lora: fullLora });
    const task = { modelId: 'blown', rows: [row], loss: 'cross_entropy', lossConfig: {}, forwardOnly: false };
    await engine.forwardBackward(task);
    await engine.optimStep('blown', { ...adam, learning_rate: 1e38 });
    await expectRefusal(engine.forwardBackward(task), /not finite. Its weights have grown too large/);
  });

  it('drops a gradient that is not finite and leaves the weights as they are', async () => {
    const forward = {
      modelId: 'model',
      rows: [row],
      loss: 'cross_entropy',
      lossConfig: {},
      forwardOnly: true,
    };
    const before = await engine.forwardBackward(forward);
    // Each coefficient is a number still, but not what they add up to.
    const logprobs = before.logprobs[0]?.map((logprob) => logprob - 88);
    const advantages = new Float32Array(length).fill(1);
    await engine.forwardBackward({
      ...forward,
      rows: [{ ...row, logprobs, advantages }],
      loss: 'importance_sampling',
      forwardOnly: false,
    });
    await expectRefusal(engine.optimStep('model', adam), /not finite/);
    expect(await engine.forwardBackward(forward)).toEqual(before);
    expect((await engine.optimStep('model', adam)).metrics).toMatchObject({ grad_norm: 0 });
  });

  it('names unknown models, samplers and base models, and names that are taken', async () => {
    const unknown = {
      modelId: 'nobody',
      rows: [row],
      loss: 'cross_entropy',
      lossConfig: {},
      forwardOnly: false,
    };
    await expectRefusal(engine.forwardBackward(unknown), /no model nobody/);
    await expectRefusal(engine.optimStep('nobody', adam), /no model nobody/);
    await expectRefusal(engine.unloadModel('nobody'), /no model nobody/);
    await expectRefusal(engine.sample(sampleTask('nobody', 'Hello')), /no sampler nobody/);
    await expectRefusal(engine.releaseSampler('nobody'), /no sampler nobody/);
    await expectRefusal(
      engine.createModel({ modelId: 'model', baseModel: 'local/random', lora: fullLora }),
      /model model already/,
    );
    await expectRefusal(
      engine.createModel({ modelId: 'new', baseModel: 'local/none', lora: fullLora }),
      /Unknown base_model "local\/none": this server has local\/random, local\/stories-1m/,
    );
  });

  it.each<[Partial<SampleTask>, RegExp]>([
    [{ prompt: new Int32Array(0) }, /prompt has no tokens/],
    [{ prompt: Int32Array.of(600) }, /prompt has token 600/],
    [
      { prompt: new Int32Array(1000), maxTokens: 25 },
      /1000 tokens and max_tokens is 25: together more than the model's context of 1024/,
    ],
    [{ prompt: new Int32Array(1024), maxTokens: undefined }, /1024 leaves no room/],
    [{ maxTokens: 0 }, /max_tokens must be a positive integer, not 0/],
    [{ numSamples: 0 }, /num_samples must be a positive integer, not 0/],
    [{ temperature: -1 }, /temperature must be a number from 0 on, not -1/],
    [{ topK: 0 }, /top_k must be a positive integer, or -1/],
    [{ topP: 0 }, /top_p must be above 0/],
    [{ stopTokens: [9999] }, /stop has token 9999/],
    [{ stopStrings: [''] }, /stop has an empty string/],
  ])('names what is wrong with a sampling request: %o', async (changes, message) => {
    await expectRefusal(engine.sample(sampleTask('sampler', 'Hello', changes)), message);
  });

  it('takes a prompt that fills the context up to max_tokens', async () => {
    const { sequences } = await engine.sample(
      sampleTask('sampler', '', { prompt: new Int32Array(1020).fill(60), maxTokens: 4 }),
    );
    expect(sequences[0]?.tokens).toHaveLength(4);
  });
});
