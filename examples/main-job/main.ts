// The main job, end to end: watch a model learn. `npm start` runs it on a local server; with TINKER_API_KEY (and
// TINKER_BASE_URL) set, the same program uses that server.
import path from 'node:path';
import type { SamplingClient, Tokenizer } from '../../src/index.ts';
import { check } from '../shared/check.ts';
import { ask, lessons, perToken, toDatums } from '../shared/lessons.ts';
import { openService } from '../shared/open-service.ts';

const stepCount = 24;

await using opened = await openService();
const { service, baseModel, description } = opened;
console.log(`Server      ${description}`);
console.log(`Base model  ${baseModel}\n`);

const training = await service.createLoraTrainingClient({ base_model: baseModel, rank: 16, seed: 7 });
const tokenizer = await training.getTokenizer();

console.log('Before training:');
const before = await service.createSamplingClient({ base_model: baseModel });
await printAnswers(before, tokenizer);

const data = toDatums(tokenizer);
console.log(`\nTraining on ${data.length} answers, ${stepCount} steps:`);
// Every call takes its place in the order at once, so the server never waits for the next one.
const losses = Array.from({ length: stepCount }, () => {
  const pass = training.forwardBackward({ data, loss_fn: 'cross_entropy' });
  const step = training.optimStep({ learning_rate: 4e-3 });
  return { pass, step };
});
const curve: number[] = [];
for (const { pass, step } of losses) {
  const { metrics } = await pass;
  await step;
  const loss = perToken(metrics['loss:sum'] ?? Number.NaN, data);
  curve.push(loss);
  console.log(
    `  step ${String(curve.length).padStart(2)}  loss ${loss.toFixed(3)}  ${'▆'.repeat(Math.ceil(loss * 6))}`,
  );
}

const state = training.saveState({ name: 'lesson' });
const weights = training.saveWeightsForSampler({ name: 'lesson' });
console.log(`\nSaved       ${(await state).path}`);
console.log(`            ${(await weights).path}`);

console.log('\nAfter training:');
const after = await training.createSamplingClient({ model_path: (await weights).path });
const answers = await printAnswers(after, tokenizer);

const rest = await service.createRestClient();
const run = await rest.getTrainingRun(training.modelId);
console.log(`\nRun         ${run.training_run_id} (${run.base_model}, rank ${run.lora_rank})`);
for await (const checkpoint of rest.listCheckpoints(run.training_run_id)) {
  console.log(`            ${checkpoint.checkpoint_id}  ${checkpoint.size_bytes} bytes`);
}

const download = service.downloads.download((await weights).path, { outputDir: path.resolve('downloads') });
const { destination, files } = await download;
console.log(`\nDownloaded  ${destination}`);
for (const file of files) console.log(`            ${file.name}  ${file.size_bytes} bytes`);

console.log();
const [firstLoss = 0, lastLoss = 0] = [curve[0], curve.at(-1)];
check(`the loss fell from ${firstLoss.toFixed(3)} to ${lastLoss.toFixed(3)}`, lastLoss < firstLoss / 4);
check(
  'the model gives the answers that it was taught',
  lessons.every(({ answer }, index) => answers[index] === answer),
);
check(
  'the downloaded checkpoint holds an adapter',
  files.some(({ name }) => name === 'adapter_model.safetensors'),
);

async function printAnswers(sampler: SamplingClient, tokens: Tokenizer): Promise<string[]> {
  const given = await Promise.all(lessons.map(({ question }) => ask(sampler, tokens, question)));
  lessons.forEach(({ question }, index) => console.log(`  ${question}\n    ${given[index]}`));
  return given;
}
