// The two requests of a sample on undici and nothing else, in a process of its own:
// `node test/bench/rivals/bare-undici.ts sample URL COUNT WARM_UP_COUNT`.
import { readFileSync } from 'node:fs';
import { Pool } from 'undici';
import { measure, report, requireLocalUrl, runConcurrently } from '../measure.ts';
import { promptTokens, sampledTokens } from '../sizes.ts';

const [, url, countText, warmUpText] = process.argv.slice(2);
const pool = new Pool(requireLocalUrl(url), { connections: null });
const headers = { 'content-type': 'application/json', 'x-api-key': 'tml-bench' };
const tokens = Array.from({ length: promptTokens }, (_, index) => (index * 7919) % 150_000);
let seq_id = 0;

async function post(path: string, body: object) {
  const answer = await pool.request({
    method: 'POST',
    path: `/api/v1${path}`,
    headers,
    body: JSON.stringify(body),
  });
  if (answer.statusCode !== 200) throw new Error(`${path} answered ${answer.statusCode}`);
  return answer.body;
}

async function sample(): Promise<void> {
  const submitted = await post('/asample', {
    num_samples: 1,
    prompt: { chunks: [{ tokens, type: 'encoded_text' }] },
    sampling_params: { max_tokens: sampledTokens, temperature: 1, top_k: -1, top_p: 1 },
    sampling_session_id: 'bench-1:sample:0',
    seq_id: seq_id++,
    prompt_logprobs: false,
    topk_prompt_logprobs: 0,
    type: 'sample',
  });
  const { request_id } = (await submitted.json()) as { request_id: string };
  const result = await post('/retrieve_future', { request_id, allow_metadata_only: false });
  await result.arrayBuffer();
}

const { version } = JSON.parse(
  readFileSync(new URL('../../../node_modules/undici/package.json', import.meta.url), 'utf8'),
) as { version: string };
await runConcurrently(Number(warmUpText), 400, sample);
report({ ...(await measure(() => runConcurrently(Number(countText), 400, sample))), version });
await pool.destroy();
