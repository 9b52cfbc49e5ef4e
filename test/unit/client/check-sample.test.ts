import { describe, expect, it } from 'vitest';
import { checkSample, checkSampleResponse } from '../../../src/client/sampling/check-sample.ts';
import { modelInput } from '../../../src/client/data.ts';
import type { SampleInput, SampleResponse } from '../../../src/types/sampling.ts';
import type { TensorInput } from '../../../src/types/tensor.ts';

const prompt = modelInput([1, 2, 3]);
const targets = (data: number[], shape: number[], dtype: TensorInput['dtype'] = 'int64') => ({
  target_prompt_logprobs: { dtype, data, shape },
});

const answer: SampleResponse = {
  sequences: [],
  prompt_logprobs: Float32Array.of(NaN, -1, -2),
  topk_prompt_logprobs: null,
  target_prompt_logprobs: null,
  prompt_alt_tokens: null,
  prompt_cache_hit_tokens: 0,
};

describe('checking a sample before it is sent (SMP-2)', () => {
  it.each<[Partial<SampleInput>, string]>([
    [{ topk_prompt_logprobs: -1 }, 'topk_prompt_logprobs must be an integer from 0 on, and is -1'],
    [{ topk_sample_logprobs: 1.5 }, 'topk_sample_logprobs must be an integer'],
    [{ prompt_alt_tokens_k: -2 }, 'prompt_alt_tokens_k must be an integer'],
    [{ prompt_logprobs_last_n: 1 }, 'prompt_logprobs_last_n needs prompt_logprobs: true'],
    [{ prompt_logprobs: true, prompt_logprobs_last_n: 0 }, 'from 1 to 2'],
    [{ prompt_logprobs: true, prompt_logprobs_last_n: 3 }, 'one less than the prompt has tokens, and is 3'],
    [targets([1, 2], [2, 1], 'float32'), 'must be an int64 tensor'],
    [targets([1], [1, 1]), 'which is [2, K], and has [1, 1]'],
    [targets([1, 2], [2]), 'and has [2]'],
    [targets([1, 2, 3], [2, 1]), 'target_prompt_logprobs has 3 values'],
    [targets([1, -2], [2, 1]), 'or -1 for none, and has -2'],
    [targets([-1, -1], [2, 1]), 'must name at least one token'],
  ])('refuses %j', (input, message) => {
    expect(() => checkSample({ prompt, ...input })).toThrow(message);
  });

  it('takes tokens to score in typed arrays and lists', () => {
    const typed = { dtype: 'int64' as const, data: BigInt64Array.of(4n, -1n), shape: [2, 1] };
    expect(checkSample({ prompt, target_prompt_logprobs: typed }).target_prompt_logprobs).toEqual(typed);
    expect(checkSample({ prompt, ...targets([4, -1], [2, 1]) }).target_prompt_logprobs).toEqual(typed);
  });
});

describe('checking what a server made of it (SMP-2)', () => {
  it.each<[Partial<SampleInput>, string]>([
    [targets([1, 2], [2, 1]), 'the server gave no target_prompt_logprobs'],
    [{ prompt_alt_tokens_k: 1 }, 'the server gave no prompt_alt_tokens'],
    [{ prompt_logprobs_last_n: 1 }, 'it does not know prompt_logprobs_last_n'],
  ])('says what an older server passed over: %j', (input, message) => {
    expect(() => checkSampleResponse({ prompt, ...input }, answer)).toThrow(message);
  });

  it('takes an answer that has what was asked for', () => {
    checkSampleResponse({ prompt, prompt_logprobs_last_n: 2 }, answer);
    expect(() => checkSampleResponse({ prompt }, answer)).not.toThrow();
  });

  it('gives the first token its place where a server leaves it out', () => {
    const short = { ...answer, prompt_logprobs: Float32Array.of(-1, -2) };
    checkSampleResponse({ prompt, prompt_logprobs: true }, short);
    expect(Array.from(short.prompt_logprobs)).toEqual([NaN, -1, -2]);
  });
});
