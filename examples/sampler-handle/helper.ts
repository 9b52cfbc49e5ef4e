// The other process: it gets a handle, a prompt and a seed, and prints what it has drawn.
import { modelInput, ServiceClient } from '../../src/index.ts';

const { handle, prompt, seed } = JSON.parse(process.argv[2] ?? '{}');
await using service = await ServiceClient.connect();
const sampler = await service.createSamplingClient({ handle });
const { sequences } = await sampler.sample({
  prompt: modelInput(prompt),
  sampling_params: { max_tokens: 12, seed },
});
const [first] = sequences;
console.log(JSON.stringify({ tokens: [...(first?.tokens ?? [])], sequence_id: first?.sequence_id }));
