// Quick start: create a model, take one training step, sample from it.
import { modelInput, supervisedDatum } from '../../src/index.ts';
import { check } from '../shared/check.ts';
import { openService } from '../shared/open-service.ts';

await using opened = await openService();
const { service, baseModel } = opened;

const training = await service.createLoraTrainingClient({ base_model: baseModel, rank: 8, seed: 1 });
const tokenizer = await training.getTokenizer();
const datum = supervisedDatum({ tokens: tokenizer.encode('Once upon a time there was a small fox.') });

const first = await training.forwardBackward({ data: [datum], loss_fn: 'cross_entropy' });
await training.optimStep({ learning_rate: 1e-2 });
const second = await training.forward({ data: [datum], loss_fn: 'cross_entropy' });
const [lossBefore = 0, lossAfter = 0] = [first.metrics['loss:sum'], second.metrics['loss:sum']];

const sampler = await training.saveWeightsAndGetSamplingClient();
const { sequences } = await sampler.sample({
  prompt: modelInput(tokenizer.encode('Once upon a time')),
  num_samples: 2,
  sampling_params: { max_tokens: 12, seed: 1 },
});
for (const sequence of sequences) console.log(`Once upon a time${tokenizer.decode(sequence.tokens)}`);

check(
  `one step took the loss from ${lossBefore.toFixed(2)} to ${lossAfter.toFixed(2)}`,
  lossAfter < lossBefore,
);
check(
  'two sequences of at most 12 tokens came back',
  sequences.length === 2 && sequences.every(({ tokens }) => tokens.length <= 12),
);
