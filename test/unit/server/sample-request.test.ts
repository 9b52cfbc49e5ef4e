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
  return toSampleTask(request, 's', model).task;
}

function targets(data: unknown[], shape: number[], places: object = {}): Record<string, unknown> {
  return { target_prompt_logprobs: { data, dtype: 'int64', shape, ...places } };
}

describe('toSampleTask', () => {
  it('reads what is asked about prompt and samples (SMP-2)', () => {
    const body = {
      topk_prompt_logprobs: 2,
      topk_sample_logprobs: 3,
      prompt_alt_tokens_k: 4,
      prompt_logprobs: true,
      prompt_logprobs_last_n: 1,
    };
    expect(read(body)).toMatchObject({
      topkPrompt: 2,
      topkSample: 3,
      promptAlternatives: 4,
      promptLogprobsLastN: 1,
    });
  });

  it('reads tokens to score, dense and in compressed rows (SMP-2)', () => {
    expect(read(targets([7, -1, 8, 9], [2, 2])).promptTargets).toEqual({
      positions: Int32Array.of(0, 0, 1, 1),
      ids: Int32Array.of(7, -1, 8, 9),
    });
    const rows = { sparse_crow_indices: [0, 0, 2], sparse_col_indices: [0, 2] };
    expect(read(targets([5, 6], [2, 3], rows)).promptTargets).toEqual({
      positions: Int32Array.of(1, 1),
      ids: Int32Array.of(5, 6),
    });
  });

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
    [{ topk_prompt_logprobs: 257 }, 'topk_prompt_logprobs must be at most 256'],
    [{ topk_sample_logprobs: 257 }, 'topk_sample_logprobs must be at most 256'],
    [{ prompt_alt_tokens_k: 257 }, 'prompt_alt_tokens_k must be at most 256'],
    [targets([1], [1, 1]), 'must have the shape [prompt tokens - 1, K], which is [2, K], not [1, 1]'],
    [targets([1, 2], [2]), 'not [2]'],
    [targets([1, 100], [2, 1]), 'target_prompt_logprobs: token 100 is outside the vocabulary'],
    [targets([1, -2], [2, 1]), 'target_prompt_logprobs: token -2 is outside the vocabulary'],
    [targets([-1, -1], [2, 1]), 'target_prompt_logprobs must name at least one token'],
    [targets(['1', 1], [2, 1]), 'target_prompt_logprobs.data[0] must be a number'],
    [{ target_prompt_logprobs: { data: [1, 1], dtype: 'float32', shape: [2, 1] } }, 'must be of dtype int64'],
    [
      targets([5], [2, 3], { sparse_crow_indices: [0, 1, 1], sparse_col_indices: [3] }),
      'sparse column 3 is out of range',
    ],
    [{ prompt_logprobs_last_n: 1 }, 'prompt_logprobs_last_n needs prompt_logprobs'],
    [{ prompt_logprobs: true, prompt_logprobs_last_n: 3 }, 'prompt_logprobs_last_n must be at most 2'],
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
