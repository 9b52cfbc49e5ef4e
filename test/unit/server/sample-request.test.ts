import { describe, expect, it } from 'vitest';
import { sampleRequestSchema } from '../../../src/types/sampling.ts';
import { toSampleTask } from '../../../src/server/wire/sample-request.ts';

const model = { name: 'local/random', vocabularySize: 100, maxContextLength: 8, parameterCount: 1 };

function read(body: Record<string, unknown>, params: Record<string, unknown> = {}) {
  const request = sampleRequestSchema.parse({
    prompt: { chunks: [{ type: 'encoded_text', tokens: [1, 2, 3] }] },
    sampling_params: { max_tokens: 5, ...params },
    ...body,
  });
  return toSampleTask(request, 's', model);
}

describe('toSampleTask', () => {
  it('reads the defaults of the wire', () => {
    expect(read({})).toEqual({
      samplerId: 's',
      prompt: Int32Array.of(1, 2, 3),
      numSamples: 1,
      maxTokens: 5,
      temperature: 1,
      topK: -1,
      topP: 1,
      stopTokens: [],
      stopStrings: [],
      stopAtEndOfSequence: true,
      promptLogprobs: false,
    });
  });

  it('joins chunks that carry no tag', () => {
    expect(read({ prompt: { chunks: [{ tokens: [1] }, { tokens: [2, 3] }] } }).prompt).toEqual(
      Int32Array.of(1, 2, 3),
    );
  });

  it.each([
    ['a', { stopStrings: ['a'], stopTokens: [], stopAtEndOfSequence: true }],
    [['a', 'b'], { stopStrings: ['a', 'b'], stopTokens: [], stopAtEndOfSequence: true }],
    [[7], { stopStrings: [], stopTokens: [7], stopAtEndOfSequence: true }],
    [[], { stopStrings: [], stopTokens: [], stopAtEndOfSequence: false }],
    [null, { stopStrings: [], stopTokens: [], stopAtEndOfSequence: true }],
  ])('reads stop %j', (stop, expected) => {
    expect(read({}, { stop })).toMatchObject(expected);
  });

  it('takes a seed of any size, no max_tokens, and top_k 0 as no limit', () => {
    expect(read({}, { seed: 2n ** 70n, max_tokens: null, top_k: 0 })).toMatchObject({
      seed: 2n ** 70n,
      maxTokens: undefined,
      topK: -1,
    });
  });

  it('lets the sampled tokens fill the context and not more', () => {
    expect(read({}, { max_tokens: 5 }).maxTokens).toBe(5);
    expect(() => read({}, { max_tokens: 6 })).toThrow(
      'with max_tokens 6 it exceeds the context of local/random, 8',
    );
    const whole = { prompt: { chunks: [{ tokens: [1, 1, 1, 1, 1, 1, 1, 1] }] } };
    expect(() => read(whole, { max_tokens: null })).toThrow(
      'with max_tokens not given it exceeds the context',
    );
  });

  it.each([
    [{ topk_prompt_logprobs: 1 }, 'topk_prompt_logprobs is not supported by this server'],
    [{ topk_sample_logprobs: 1 }, 'topk_sample_logprobs is not supported'],
    [
      { target_prompt_logprobs: { data: [1], dtype: 'int64', shape: [1, 1] } },
      'target_prompt_logprobs is not supported',
    ],
    [{ prompt_alt_tokens_k: 1 }, 'prompt_alt_tokens_k is not supported'],
    [{ prompt_logprobs_last_n: 1 }, 'prompt_logprobs_last_n is not supported'],
    [{ record_stability_info: true }, 'record_stability_info is not supported'],
    [{ num_samples: 2000 }, 'num_samples must be at most'],
    [{ prompt: { chunks: [] } }, 'prompt has no tokens'],
    [{ prompt: { chunks: [{ tokens: [100] }] } }, 'token 100 at position 0 is outside the vocabulary'],
    [{ prompt: { chunks: [{ tokens: ['1'] }] } }, 'prompt.chunks[0].tokens[0] must be a token id'],
    [{ prompt: { chunks: [{ tokens: [1.5] }] } }, 'prompt.chunks[0].tokens[0] must be a token id'],
    [{ prompt: { chunks: [{ data: 'AAAA', format: 'png' }] } }, 'a chunk of type image is not supported'],
    [
      { prompt: { chunks: [{ location: 'a.png', format: 'png' }] } },
      'a chunk of type image_asset_pointer is not supported',
    ],
    [{ prompt: { chunks: [{ dmel: 'AAAA' }] } }, 'a chunk of type dmel is not supported'],
  ])('refuses %j', (body, message) => {
    expect(() => read(body)).toThrow(message);
  });

  it.each([
    [{ top_p: 0 }, 'top_p must be above 0'],
    [{ stop: '' }, 'an empty text would stop at once'],
    [{ stop: [100] }, 'stop: token 100 is outside the vocabulary'],
  ])('refuses the sampling parameters %j', (params, message) => {
    expect(() => read({}, params)).toThrow(message);
  });
});
