// Watching events: one stream for a service and all its clients, and listeners for single events.
import { modelInput, supervisedDatum } from '../../src/index.ts';
import { check } from '../shared/check.ts';
import { openService } from '../shared/open-service.ts';

await using opened = await openService();
const { service, baseModel } = opened;

const counts = new Map<string, number>();
const watching = (async () => {
  for await (const { type, ...facts } of service.events()) {
    counts.set(type, (counts.get(type) ?? 0) + 1);
    console.log(type.padEnd(18), JSON.stringify(facts));
  }
})();

const training = await service.createLoraTrainingClient({ base_model: baseModel, rank: 8, seed: 1 });
const tokenizer = await training.getTokenizer();
const saved: string[] = [];
training.on('checkpoint.saved', ({ path }) => saved.push(path));

const data = [supervisedDatum({ tokens: tokenizer.encode('The fox sleeps.') })];
for (let step = 0; step < 3; step++) {
  void training.forwardBackward({ data, loss_fn: 'cross_entropy' });
  void training.optimStep({ learning_rate: 1e-3 });
}
const { path } = await training.saveWeightsForSampler({ name: 'watched' });
const sampler = await training.createSamplingClient({ model_path: path });
await sampler.sample({ prompt: modelInput(tokenizer.encode('The fox')), sampling_params: { max_tokens: 4 } });

// The stream ends with the service.
await service.close();
await watching;

check(
  'every call was told when it was sent and when it was done',
  counts.get('turn.submitted') === 7 && counts.get('turn.completed') === 7,
);
check('the save was told to a listener', saved[0] === path);
check('the sample was told', counts.get('sample.completed') === 1);
check('the end was told', (counts.get('status.changed') ?? 0) >= 3);
