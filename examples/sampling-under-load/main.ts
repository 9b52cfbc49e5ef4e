// Sampling under load: hundreds of samples at once, in whatever order they come back.
import { modelInput } from '../../src/index.ts';
import { check } from '../shared/check.ts';
import { openService } from '../shared/open-service.ts';

const sampleCount = 120;

await using opened = await openService();
const { service, baseModel } = opened;

const sampler = await service.createSamplingClient({ base_model: baseModel });
const tokenizer = await sampler.getTokenizer();
const prompt = modelInput(tokenizer.encode('Once upon a time'));

const finished: number[] = [];
const startedAt = performance.now();
const responses = await Promise.all(
  Array.from({ length: sampleCount }, async (_, index) => {
    const response = await sampler.sample({ prompt, sampling_params: { max_tokens: 8, seed: index } });
    finished.push(index);
    return response;
  }),
);
const seconds = (performance.now() - startedAt) / 1000;
const tokenCount = responses.reduce((sum, { sequences }) => sum + (sequences[0]?.tokens.length ?? 0), 0);
console.log(`${sampleCount} samples, ${tokenCount} tokens in ${seconds.toFixed(1)} s`);
for (const { sequences } of responses.slice(0, 3))
  console.log(`Once upon a time${tokenizer.decode(sequences[0]?.tokens ?? [])}`);

check('every sample came back', finished.length === sampleCount);
check(
  'each has its own id',
  new Set(responses.map(({ sequences }) => sequences[0]?.sequence_id)).size === sampleCount,
);

const again = await sampler.sample({ prompt, sampling_params: { max_tokens: 8, seed: 7 } });
const first = responses[7]?.sequences[0]?.tokens;
check(
  'a seed gives the same sample, alone or among hundreds',
  String(again.sequences[0]?.tokens) === String(first),
);
