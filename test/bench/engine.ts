// Measures the training engine: npm run bench:engine
// The first line counts from the start of this process, so nothing may run before it.
import { fileURLToPath } from 'node:url';
import type { Engine, TrainingRow } from '../../src/server/engine/engine.ts';
import { createEngine } from '../../src/server/engine/index.ts';

const modelsDirectory = fileURLToPath(new URL('../../models/', import.meta.url));
const baseModel = 'local/stories-1m';
const adam = { learning_rate: 1e-4, beta1: 0.9, beta2: 0.95, eps: 1e-12, weight_decay: 0, grad_clip_norm: 0 };
const repeats = 5;

const report = (what: string, value: number, unit: string, goal?: string) =>
  process.stdout.write(
    `${what.padEnd(58)}${value.toFixed(value < 10 ? 2 : 0).padStart(8)} ${unit}${goal === undefined ? '' : `  (goal ${goal})`}\n`,
  );

const row = (length: number): TrainingRow => {
  const tokens = Int32Array.from({ length }, (_, index) => 70 + ((index * 37) % 400));
  return { tokens, targets: tokens, targetCount: 1, weights: new Float32Array(length).fill(1) };
};

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return (performance.now() - started) / 1000;
}

/** The median of several runs, after one that compiles what is missing. */
async function typicalSeconds(work: () => Promise<unknown>): Promise<number> {
  await work();
  const runs: number[] = [];
  for (let run = 0; run < repeats; run++) runs.push(await seconds(work));
  return runs.toSorted((a, b) => a - b)[Math.floor(repeats / 2)] ?? 0;
}

async function measureTraining(engine: Engine): Promise<void> {
  const pass = (modelId: string, rows: TrainingRow[], forwardOnly = false) =>
    engine.forwardBackward({ modelId, rows, loss: 'cross_entropy', lossConfig: {}, forwardOnly });
  const step = async (modelId: string, rows: TrainingRow[]) => {
    await pass(modelId, rows);
    await engine.optimStep(modelId, adam);
  };
  const create = (modelId: string, rank: number) =>
    engine.createModel({
      modelId,
      baseModel,
      lora: { rank, seed: 1, train_attn: true, train_mlp: true, train_unembed: true },
    });

  await create('rank 8', 8);
  await step('rank 8', [row(30)]);
  report('process start to first completed step', performance.now() / 1000, 's', 'under 10');
  await create('rank 32', 32);
  const rows = (count: number, length: number) => Array.from({ length: count }, () => row(length));
  report(
    'step, 1 row of 1,024 tokens, rank 8',
    await typicalSeconds(() => step('rank 8', [row(1024)])),
    's',
    '0.7',
  );
  report(
    'step, 1 row of 1,024 tokens, rank 32',
    await typicalSeconds(() => step('rank 32', [row(1024)])),
    's',
    '0.7',
  );
  report(
    'step, 8 rows of 128 tokens, rank 8',
    await typicalSeconds(() => step('rank 8', rows(8, 128))),
    's',
    '0.7',
  );
  report('step, 1 row of 60 tokens, rank 8', await typicalSeconds(() => step('rank 8', [row(60)])), 's');
  report(
    'forward only, 1 row of 1,024 tokens',
    await typicalSeconds(() => pass('rank 8', [row(1024)], true)),
    's',
  );
  report(
    'step, 1,100 rows of 4 tokens, rank 8',
    await seconds(() => step('rank 8', rows(1100, 4))),
    's',
    'under 60',
  );
  report('optim_step alone, rank 8', await typicalSeconds(() => engine.optimStep('rank 8', adam)), 's');
  report('optim_step alone, rank 32', await typicalSeconds(() => engine.optimStep('rank 32', adam)), 's');
}

async function measureSampling(engine: Engine): Promise<void> {
  await engine.createSampler({ samplerId: 'base', baseModel, from: { kind: 'base' } });
  const sample = (numSamples: number, promptLength: number, maxTokens: number) =>
    engine.sample({
      samplerId: 'base',
      prompt: row(promptLength).tokens,
      numSamples,
      maxTokens,
      temperature: 1,
      topK: -1,
      topP: 1,
      seed: 1n,
      stopTokens: [],
      stopStrings: [],
      stopAtEndOfSequence: false,
      promptLogprobs: false,
    });
  // Two lengths, so that the rate is of the tokens alone: what the prompt costs is the same in both.
  const [few, many] = [20, 220];
  for (const [batch, goal] of [
    [1, '400'],
    [8, '1,000'],
  ] as const) {
    for (const [context, promptLength] of [
      [256, 30],
      [1024, 300],
    ] as const) {
      const short = await typicalSeconds(() => sample(batch, promptLength, few));
      const long = await typicalSeconds(() => sample(batch, promptLength, many));
      const rate = (batch * (many - few)) / (long - short);
      report(`sampled tokens, batch ${batch}, context up to ${context}`, rate, '/s', goal);
    }
  }
  report('prompt of 30 tokens and the first token', await typicalSeconds(() => sample(1, 30, 1)), 's');
  report('prompt of 300 tokens and the first token', await typicalSeconds(() => sample(1, 300, 1)), 's');
  const requests = Array.from({ length: 100 }, () => 0);
  const time = await seconds(() => Promise.all(requests.map(() => sample(1, 30, 30))));
  report('100 requests of 30 tokens at once', 3000 / time, 'tokens/s');
}

const engine = createEngine({ modelsDirectory });
await measureTraining(engine);
await measureSampling(engine);
const { compiled, residentBytes } = await engine.stats();
report('resident memory of the process', residentBytes / 1e6, 'MB', '500');
for (const { name, milliseconds } of compiled) report(`first run of ${name}`, milliseconds, 'ms');
await engine.close();
