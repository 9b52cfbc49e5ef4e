// A sampler handle: other processes sample from the same weights, by a text that holds no key.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { modelInput } from '../../src/index.ts';
import { check } from '../shared/check.ts';
import { openService } from '../shared/open-service.ts';

await using opened = await openService();
const { service, baseModel, baseUrl, apiKey } = opened;

const sampler = await service.createSamplingClient({ base_model: baseModel });
const tokenizer = await sampler.getTokenizer();
const prompt = tokenizer.encode('Once upon a time');
const handle = sampler.toHandle();
check('the handle holds no key', !Buffer.from(handle, 'base64url').toString().includes(apiKey));

const helper = fileURLToPath(new URL('helper.ts', import.meta.url));
const environment = { ...process.env, TINKER_BASE_URL: baseUrl, TINKER_API_KEY: apiKey };
const drawn = await Promise.all(
  [1, 2].map(async (seed) => {
    const task = JSON.stringify({ handle, prompt: [...prompt], seed });
    const { stdout } = await promisify(execFile)(process.execPath, [helper, task], { env: environment });
    return JSON.parse(stdout) as { tokens: number[]; sequence_id: string };
  }),
);
for (const { tokens } of drawn) console.log(`Once upon a time${tokenizer.decode(tokens)}`);

const own = await sampler.sample({
  prompt: modelInput(prompt),
  sampling_params: { max_tokens: 12, seed: 1 },
});
check(
  'a seed gives the same sample in every process',
  String(own.sequences[0]?.tokens) === String(drawn[0]?.tokens),
);
check(
  'no two samples are taken for one',
  new Set([...drawn, ...own.sequences].map(({ sequence_id }) => sequence_id)).size === 3,
);
