import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Engine, SampleTask } from '../../../../src/server/engine/engine.ts';
import { createEngine } from '../../../../src/server/engine/index.ts';
import { adam, decode, encode, fullLora, modelsDirectory, sampleTask, textRow } from './fixtures.ts';

let engine: Engine;
const sentence = 'The purple dragon drinks tea.';

beforeAll(async () => {
  engine = createEngine({ modelsDirectory, randomSeed: 1n });
  await engine.createModel({ modelId: 'model', baseModel: 'local/random', lora: fullLora });
  await train(6);
  await engine.createSampler({
    samplerId: 'tuned',
    baseModel: 'local/random',
    from: { kind: 'model', modelId: 'model' },
  });
});
afterAll(() => engine.close());

async function train(steps: number) {
  for (let step = 0; step < steps; step++) {
    await engine.forwardBackward({
      modelId: 'model',
      rows: [textRow(sentence)],
      loss: 'cross_entropy',
      lossConfig: {},
      forwardOnly: false,
    });
    await engine.optimStep('model', adam);
  }
}

const sample = (changes: Partial<SampleTask> = {}, prompt = 'The purple') =>
  engine.sample(sampleTask('tuned', prompt, changes));

/** The trainer's log-probabilities of a text's tokens after the first. */
async function trainerLogprobs(tokens: Int32Array): Promise<Float32Array> {
  const targets = tokens.slice(1);
  const row = {
    tokens: tokens.slice(0, -1),
    targets,
    targetCount: 1,
    weights: new Float32Array(targets.length),
  };
  const { logprobs } = await engine.forwardBackward({
    modelId: 'model',
    rows: [row],
    loss: 'cross_entropy',
    lossConfig: {},
    forwardOnly: true,
  });
  return logprobs[0] ?? new Float32Array(0);
}

const largestDifference = (left: ArrayLike<number>, right: ArrayLike<number>) => {
  expect(left.length).toBe(right.length);
  return Array.from(left, (value, index) => Math.abs(value - (right[index] ?? Number.NaN))).reduce(
    (most, value) => Math.max(most, value),
    0,
  );
};

describe('what a request asks about its prompt', () => {
  const prompt = encode('The purple dragon and the cat');
  const count = prompt.length;

  it('scores the likeliest tokens of each place, prompt and samples alike (SMP-2)', async () => {
    const options = { prompt, temperature: 0, topkPrompt: 3, topkSample: 2, promptLogprobs: true };
    const { sequences, promptLogprobs, topkPrompt } = await sample(options);
    const [first] = sequences;
    expect(first?.topk).toMatchObject({ k: 2, length: first?.tokens.length });
    for (const [place, token] of (first?.tokens ?? []).entries()) {
      expect(first?.topk?.tokenIds[2 * place]).toBe(token);
      expect(first?.topk?.logprobs[2 * place]).toBe(first?.logprobs[place]);
      expect(first?.topk?.logprobs[2 * place + 1]).toBeLessThan(first?.logprobs[place] ?? 0);
    }
    expect(topkPrompt).toMatchObject({ k: 3, length: count });
    expect(topkPrompt?.logprobs.subarray(0, 3)).toEqual(Float32Array.of(-99_999, -99_999, -99_999));
    for (let place = 1; place < count; place++) {
      const rank = topkPrompt?.tokenIds.subarray(3 * place, 3 * place + 3).indexOf(prompt[place] ?? -1) ?? -1;
      if (rank < 0) continue;
      expect(topkPrompt?.logprobs[3 * place + rank]).toBeCloseTo(promptLogprobs?.[place] ?? 0, 4);
    }
  });

  it('scores the named tokens, and 0 where none is named (SMP-2)', async () => {
    const positions = Int32Array.of(0, 0, count - 2);
    const ids = Int32Array.of(prompt[1] ?? 0, -1, prompt[count - 1] ?? 0);
    const { targetLogprobs, promptLogprobs } = await sample({
      prompt,
      promptLogprobs: true,
      promptTargets: { positions, ids },
    });
    expect(targetLogprobs?.[0]).toBeCloseTo(promptLogprobs?.[1] ?? 0, 4);
    expect(targetLogprobs?.[1]).toBe(0);
    expect(targetLogprobs?.[2]).toBeCloseTo(promptLogprobs?.[count - 1] ?? 0, 4);
  });

  it('leaves out what comes before the last n tokens (SMP-2)', async () => {
    const whole = await sample({ prompt, promptLogprobs: true, topkPrompt: 1 });
    const last = await sample({ prompt, promptLogprobs: true, topkPrompt: 1, promptLogprobsLastN: 2 });
    expect(last.promptLogprobs?.subarray(0, count - 2).every(Number.isNaN)).toBe(true);
    expect(last.promptLogprobs?.subarray(count - 2)).toEqual(whole.promptLogprobs?.subarray(count - 2));
    expect(last.topkPrompt?.logprobs.filter((value) => value === -99_999)).toHaveLength(count - 2);
  });

  it('draws alternatives by temperature, and the samples stay what they were (SMP-2)', async () => {
    const plain = await sample({ prompt, numSamples: 2 });
    const asked = await sample({ prompt, numSamples: 2, promptAlternatives: 3 });
    expect(asked.sequences).toEqual(plain.sequences);
    expect(asked.alternatives?.tokens).toHaveLength((count - 1) * 3);
    const greedy = await sample({ prompt, temperature: 0, promptAlternatives: 2, topkPrompt: 1 });
    const likeliest = greedy.topkPrompt?.tokenIds.subarray(1) ?? new Int32Array();
    expect(greedy.alternatives?.tokens).toEqual(
      Int32Array.from({ length: 2 * (count - 1) }, (_, place) => likeliest[Math.floor(place / 2)] ?? -1),
    );
    const logprobs = greedy.topkPrompt?.logprobs.subarray(1);
    expect(greedy.alternatives?.logprobs[2]).toBe(logprobs?.[1]);
  });
});

describe('sampling', () => {
  it('gives log-probabilities of tokens and prompt within 1e-4 of the trainer, whatever shapes the draw', async () => {
    const prompt = encode('The purple dragon and the cat went to the river.');
    const options = {
      prompt,
      maxTokens: 80,
      numSamples: 3,
      temperature: 0.8,
      topK: 40,
      topP: 0.9,
      promptLogprobs: true,
    };
    const { sequences, promptLogprobs } = await sample(options);
    expect(promptLogprobs?.[0]).toBeNaN();
    for (const { tokens, logprobs } of sequences) {
      const expected = await trainerLogprobs(Int32Array.of(...prompt, ...tokens));
      expect(largestDifference(logprobs, expected.slice(prompt.length - 1))).toBeLessThan(1e-4);
      expect(
        largestDifference(promptLogprobs?.slice(1) ?? [], expected.slice(0, prompt.length - 1)),
      ).toBeLessThan(1e-4);
    }
  });

  it('gives no prompt log-probabilities unless asked', async () => {
    expect((await sample()).promptLogprobs).toBeUndefined();
  });

  it('writes what the model has learnt at temperature 0, whatever the seed', async () => {
    const length = encode(sentence).length - encode('The purple').length;
    const texts = [1n, 2n].map(async (seed) => {
      const { sequences } = await sample({ temperature: 0, maxTokens: length, seed });
      return decode(sequences[0]?.tokens ?? new Int32Array(0));
    });
    expect(await Promise.all(texts)).toEqual([' dragon drinks tea.', ' dragon drinks tea.']);
  });

  it('repeats the sequences of a seed bit for bit, alone or in company, and they differ from each other', async () => {
    const options = { maxTokens: 50, numSamples: 3, seed: 2n ** 70n };
    const alone = await sample(options);
    const company = await Promise.all([
      sample({ maxTokens: 9, seed: 5n }),
      sample({ maxTokens: 70, numSamples: 7, seed: 6n }, 'A cat'),
      sample(options),
      sample({ maxTokens: 20, numSamples: 2 }, 'One day'),
    ]);
    expect(company[2]).toEqual(alone);
    expect((await sample({ ...options, numSamples: 1 })).sequences[0]).toEqual(alone.sequences[0]);
    expect((await sample({ ...options, numSamples: 12 })).sequences.slice(0, 3)).toEqual(alone.sequences);
    expect(new Set(alone.sequences.map(({ tokens }) => String(tokens))).size).toBe(3);
    expect((await sample({ ...options, seed: 2n ** 70n + 1n })).sequences).not.toEqual(alone.sequences);
  });

  it('agrees with the trainer over hundreds of tokens, while its context grows', async () => {
    const prompt = encode('The purple dragon. '.repeat(9)).slice(0, 64);
    const { sequences } = await sample({ prompt, maxTokens: 300, numSamples: 2 });
    for (const { tokens, logprobs } of sequences) {
      const expected = await trainerLogprobs(Int32Array.of(...prompt, ...tokens));
      expect(largestDifference(logprobs, expected.slice(prompt.length - 1))).toBeLessThan(1e-4);
    }
    const short = await sample({ prompt, maxTokens: 40 });
    expect(sequences[0]?.logprobs.slice(0, 40)).toEqual(short.sequences[0]?.logprobs);
  });

  it('lets training in between the batches of a long request, which gives the same sequences', async () => {
    const options = { maxTokens: 20, numSamples: 20 };
    const alone = await sample(options);
    const order: string[] = [];
    const long = sample(options).finally(() => order.push('sample'));
    await trainerLogprobs(encode(sentence));
    order.push('training');
    expect(await long).toEqual(alone);
    expect(order).toEqual(['training', 'sample']);
  });

  it('draws a new seed for each request that gives none', async () => {
    const [first, second] = [await sample({ seed: undefined }), await sample({ seed: undefined })];
    expect(first.sequences).not.toEqual(second.sequences);
  });

  it('stops at a stop token or string, which stays in the sequence, else at max_tokens', async () => {
    const [dragon = 0] = encode(' dragon drinks');
    const greedy = { temperature: 0, maxTokens: 20 };
    const byToken = (await sample({ ...greedy, stopTokens: [dragon] })).sequences[0];
    expect(byToken).toMatchObject({ stopReason: 'stop', tokens: Int32Array.of(dragon) });
    const byString = (await sample({ ...greedy, stopStrings: ['tea', 'nowhere'] })).sequences[0];
    expect(byString?.stopReason).toBe('stop');
    expect(decode(byString?.tokens ?? new Int32Array(0))).toMatch(/tea$/);
    const unstopped = (await sample({ ...greedy, stopStrings: ['nowhere'] })).sequences[0];
    expect(unstopped).toMatchObject({ stopReason: 'length' });
    expect(unstopped?.tokens).toHaveLength(20);
    expect(unstopped?.logprobs).toHaveLength(20);
  });

  it('ends at an end-of-sequence token only while that stop is on', async () => {
    const modelId = 'ends';
    await engine.createModel({ modelId, baseModel: 'local/random', lora: fullLora });
    for (let step = 0; step < 16; step++) {
      await engine.forwardBackward({
        modelId,
        rows: [textRow('Hello<|im_end|>Hello')],
        loss: 'cross_entropy',
        lossConfig: {},
        forwardOnly: false,
      });
      await engine.optimStep(modelId, { ...adam, learning_rate: 4e-3 });
    }
    await engine.createSampler({
      samplerId: modelId,
      baseModel: 'local/random',
      from: { kind: 'model', modelId },
    });
    const ends = (stopAtEndOfSequence: boolean) =>
      engine.sample(sampleTask(modelId, 'Hello', { temperature: 0, maxTokens: 5, stopAtEndOfSequence }));
    const [end = 0] = encode('<|im_end|>');
    expect((await ends(true)).sequences[0]).toMatchObject({ stopReason: 'stop', tokens: Int32Array.of(end) });
    const on = (await ends(false)).sequences[0];
    expect(on?.stopReason).toBe('length');
    expect(on?.tokens).toHaveLength(5);
  });

  it('runs up to the context when max_tokens is not given', async () => {
    const prompt = new Int32Array(1000).fill(60);
    expect(
      (await sample({ prompt, maxTokens: undefined, numSamples: 2 })).sequences.map(
        ({ tokens }) => tokens.length,
      ),
    ).toEqual([24, 24]);
  });

  it('keeps the weights that a sampler was made with while training goes on', async () => {
    const before = await sample({ maxTokens: 12 });
    await train(2);
    expect(await sample({ maxTokens: 12 })).toEqual(before);
    await engine.createSampler({
      samplerId: 'later',
      baseModel: 'local/random',
      from: { kind: 'model', modelId: 'model' },
    });
    const later = await engine.sample(sampleTask('later', 'The purple', { maxTokens: 12 }));
    expect(later.sequences[0]?.logprobs).not.toEqual(before.sequences[0]?.logprobs);
    await engine.releaseSampler('later');
  });

  it('compiles at most four shapes of its own', async () => {
    const names = (await engine.stats()).compiled.map(({ name }) => name);
    expect(names.filter((name) => name.startsWith('decode')).length).toBeLessThanOrEqual(4);
    expect(names.every((name) => /^(forward|backward|decode) /.test(name))).toBe(true);
  });
});
