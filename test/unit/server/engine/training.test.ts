import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Engine, ForwardBackwardTask, TrainingRow } from '../../../../src/server/engine/engine.ts';
import { createEngine } from '../../../../src/server/engine/index.ts';
import { adam, encode, fullLora, modelsDirectory, textRow } from './fixtures.ts';

let engine: Engine;
let modelCount = 0;

beforeAll(() => {
  engine = createEngine({ modelsDirectory, randomSeed: 1n });
});
afterAll(() => engine.close());

async function newModel(changes: Partial<typeof fullLora> = {}): Promise<string> {
  const modelId = `model-${modelCount++}`;
  await engine.createModel({ modelId, baseModel: 'local/random', lora: { ...fullLora, ...changes } });
  return modelId;
}

const run = (modelId: string, rows: TrainingRow[], changes: Partial<ForwardBackwardTask> = {}) =>
  engine.forwardBackward({
    modelId,
    rows,
    loss: 'cross_entropy',
    lossConfig: {},
    forwardOnly: false,
    ...changes,
  });

const forward = (modelId: string, rows: TrainingRow[]) => run(modelId, rows, { forwardOnly: true });

const gradNorm = async (modelId: string) =>
  (await engine.optimStep(modelId, adam)).metrics['grad_norm'] ?? Number.NaN;

const close = (actual: Float32Array | undefined, expected: Float32Array | undefined) => {
  expect(actual?.length).toBe(expected?.length);
  for (const [index, value] of (actual ?? []).entries())
    expect(value).toBeCloseTo(expected?.[index] ?? Number.NaN, 4);
};

const dragon = textRow('The purple dragon drinks tea.');
const pirate = textRow('A pirate sings about the moon and the sea.');

describe('training', () => {
  it('learns a sentence in a few steps and returns the log-probabilities before each', async () => {
    const model = await newModel();
    const losses: number[] = [];
    for (let step = 0; step < 8; step++) {
      const { logprobs, lossSum } = await run(model, [dragon]);
      expect(-(logprobs[0] ?? new Float32Array(0)).reduce((sum, logprob) => sum + logprob, 0)).toBeCloseTo(
        lossSum,
        2,
      );
      losses.push(lossSum);
      await engine.optimStep(model, adam);
    }
    expect(losses.at(-1)).toBeLessThan((losses[0] ?? 0) / 4);
  });

  it('sums the loss over rows, and gives a row the same log-probabilities alone and beside others', async () => {
    const model = await newModel();
    const alone = [await forward(model, [dragon]), await forward(model, [pirate])];
    const together = await forward(model, [dragon, pirate, dragon]);
    expect(together.lossSum).toBeCloseTo(2 * (alone[0]?.lossSum ?? 0) + (alone[1]?.lossSum ?? 0), 2);
    for (const [index, single] of [0, 1, 0].entries())
      close(together.logprobs[index], alone[single]?.logprobs[0]);
  });

  it('gives the same numbers in a short, a middle and a long row', async () => {
    const model = await newModel();
    const long = encode('Once upon a time there was a cat. '.repeat(60)).slice(0, 700);
    const row = (length: number): TrainingRow => {
      const tokens = long.slice(0, length);
      return { tokens, targets: tokens, targetCount: 1, weights: new Float32Array(length).fill(1) };
    };
    const [short, middle, whole] = await Promise.all(
      [60, 250, 700].map((length) => forward(model, [row(length)])),
    );
    close(middle?.logprobs[0]?.slice(0, 60), short?.logprobs[0]);
    close(whole?.logprobs[0]?.slice(0, 250), middle?.logprobs[0]);
  });

  it('takes several targets per position, each with its weight', async () => {
    const model = await newModel();
    const other = dragon.targets.toReversed();
    const pairs = [...dragon.targets].flatMap((target, index) => [target, other[index] ?? 0]);
    const weights = [...dragon.targets].flatMap((_, index) => [0.25, index % 2]);
    const both = {
      ...dragon,
      targets: Int32Array.from(pairs),
      targetCount: 2,
      weights: Float32Array.from(weights),
    };
    const first = { ...dragon, weights: new Float32Array(dragon.targets.length).fill(0.25) };
    const second = { ...dragon, targets: other, weights: Float32Array.from(other, (_, index) => index % 2) };
    const results = await Promise.all([
      forward(model, [both]),
      forward(model, [first]),
      forward(model, [second]),
    ]);
    expect(results[0]?.lossSum).toBeCloseTo((results[1]?.lossSum ?? 0) + (results[2]?.lossSum ?? 0), 2);
    close(
      results[0]?.logprobs[0]?.filter((_, index) => index % 2 === 0),
      results[1]?.logprobs[0],
    );
    close(
      results[0]?.logprobs[0]?.filter((_, index) => index % 2 === 1),
      results[2]?.logprobs[0],
    );
    await run(model, [both]);
    const twin = await newModel();
    await run(twin, [first]);
    await run(twin, [second]);
    expect(await gradNorm(model)).toBeCloseTo(await gradNorm(twin), 3);
  });

  it.each(['importance_sampling', 'ppo', 'cispo', 'dro'])('%s raises what has an advantage', async (loss) => {
    const model = await newModel();
    const before = (await forward(model, [dragon])).logprobs[0] ?? new Float32Array(0);
    const advantages = Float32Array.from(before, (_, index) => (index < 4 ? 1 : 0));
    const { lossSum } = await run(model, [{ ...dragon, weights: undefined, logprobs: before, advantages }], {
      loss,
    });
    const firstFour = before.slice(0, 4).reduce((sum, logprob) => sum + logprob, 0);
    const logarithmic = loss === 'cispo' || loss === 'dro';
    expect(lossSum).toBeCloseTo(logarithmic ? -firstFour : -4, 3);
    await engine.optimStep(model, { ...adam, learning_rate: 1e-3 });
    const after = (await forward(model, [dragon])).logprobs[0]?.slice(0, 4) ?? new Float32Array(0);
    expect(after.reduce((sum, logprob) => sum + logprob, 0)).toBeGreaterThan(firstFour + 0.1);
  });

  const clamp = (value: number, low: number, high: number) => Math.min(Math.max(value, low), high);
  /** Minus the slope of each loss by a log-probability, written down anew: r is the ratio, s that of the sequence. */
  const slopes: [string, (r: number, s: number, advantage: number, drift: number) => number][] = [
    ['importance_sampling', (r, _s, a) => r * a],
    ['ppo', (r, _s, a) => ((a > 0 && r > 1.2) || (a < 0 && r < 0.8) ? 0 : r * a)],
    ['cispo', (r, _s, a) => clamp(r, 0, 4) * a],
    ['dro', (_r, _s, a, drift) => a - 0.05 * drift],
    ['gspo', (_r, s, a) => ((a > 0 && s > 1.2) || (a < 0 && s < 0.8) ? 0 : s * a)],
  ];
  it.each(slopes)(
    'a step of %s is the step of cross_entropy with its coefficients (TYP-12)',
    async (loss, slope) => {
      const [model, twin] = [await newModel(), await newModel()];
      const now = (await forward(model, [dragon])).logprobs[0] ?? new Float32Array(0);
      const logprobs = now.map((logprob, index) => logprob + 0.3 * Math.sin(index));
      const advantages = now.map((_, index) => (index % 4) - 1);
      const mask = now.map((_, index) => (index < 6 ? 1 : 0));
      const drifts = now.map((logprob, index) => logprob - (logprobs[index] ?? 0));
      const sequence = Math.exp(drifts.slice(0, 6).reduce((sum, drift) => sum + drift, 0) / 6);
      const weights = drifts.map((drift, index) =>
        slope(Math.exp(drift), sequence, advantages[index] ?? 0, drift),
      );
      const inputs = loss === 'gspo' ? { sequence_ratio_mask: mask } : {};
      await run(model, [{ ...dragon, weights: undefined, logprobs, advantages, ...inputs }], { loss });
      await run(twin, [{ ...dragon, weights }]);
      const [norm, twinNorm] = [await gradNorm(model), await gradNorm(twin)];
      expect(norm).toBeGreaterThan(0.1);
      expect(norm / twinNorm).toBeCloseTo(1, 4);
      close((await forward(model, [dragon])).logprobs[0], (await forward(twin, [dragon])).logprobs[0]);
    },
  );

  it('accumulates gradients until the step, and forward only adds none', async () => {
    const [split, joint] = [await newModel(), await newModel()];
    await run(split, [dragon]);
    await run(split, [pirate], { forwardOnly: true });
    await run(split, [pirate]);
    await run(joint, [dragon, pirate]);
    expect(await gradNorm(split)).toBeCloseTo(await gradNorm(joint), 2);
    close((await forward(split, [dragon])).logprobs[0], (await forward(joint, [dragon])).logprobs[0]);
    expect(await gradNorm(split)).toBe(0);
  });

  it('keeps the gradients and weights of models apart', async () => {
    const [trained, idle] = [await newModel(), await newModel()];
    const before = await forward(idle, [dragon]);
    await run(trained, [dragon]);
    expect(await gradNorm(idle)).toBe(0);
    expect(await gradNorm(trained)).toBeGreaterThan(1);
    expect((await forward(idle, [dragon])).logprobs).toEqual(before.logprobs);
    expect((await forward(trained, [dragon])).lossSum).not.toBe(before.lossSum);
  });

  it('clips the gradient to the norm it is given and tells the norm before', async () => {
    const [clipped, free] = [await newModel(), await newModel()];
    // With an eps this large the step is nearly the gradient itself times a constant, so its size shows the clipping.
    const params = { ...adam, eps: 1e6, learning_rate: 1e5 };
    const before = await forward(free, [dragon]);
    await run(clipped, [dragon]);
    await run(free, [dragon]);
    const { metrics } = await engine.optimStep(clipped, { ...params, grad_clip_norm: 1e-3 });
    expect((await engine.optimStep(free, params)).metrics['grad_norm']).toBe(metrics['grad_norm']);
    expect(metrics).toMatchObject({ learning_rate: 1e5, step: 1 });
    const fall = async (model: string) => before.lossSum - (await forward(model, [dragon])).lossSum;
    const clippedFall = await fall(clipped);
    expect(clippedFall).toBeGreaterThanOrEqual(0);
    expect(clippedFall).toBeLessThan((await fall(free)) / 10);
  });

  it('trains at any rank without compiling another shape', async () => {
    await run(await newModel({ rank: 1 }), [dragon]);
    const before = (await engine.stats()).compiled.map(({ name }) => name);
    for (const rank of [7, 32, 100]) {
      const model = await newModel({ rank });
      await run(model, [dragon]);
      expect(await gradNorm(model)).toBeGreaterThan(0);
    }
    expect((await engine.stats()).compiled.map(({ name }) => name)).toEqual(before);
  });

  it('compiles at most six shapes for rows of every length up to the context', async () => {
    const model = await newModel();
    for (const length of [3, 64, 65, 200, 300, 1024]) {
      const tokens = new Int32Array(length).fill(70);
      const row = { tokens, targets: tokens, targetCount: 1, weights: new Float32Array(length).fill(1) };
      await run(model, [row]);
      await forward(model, [row]);
    }
    const { compiled, residentBytes } = await engine.stats();
    expect(compiled.map(({ name }) => name).toSorted()).toEqual([
      'backward 1024',
      'backward 256',
      'backward 64',
      'forward 1024',
      'forward 256',
      'forward 64',
    ]);
    expect(compiled.every(({ milliseconds }) => milliseconds > 0)).toBe(true);
    expect(residentBytes).toBeGreaterThan(50e6);
  });
});
