import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { modelInput, topkRow, type SamplingClient, type ServiceClient } from '../../../src/index.ts';
import { briefOutage, startLocalService, type LocalService } from '../../helpers/local-service.ts';

const prompt = modelInput([5, 6, 7]);

let local: LocalService;
let service: ServiceClient;
let sampler: SamplingClient;

beforeAll(async () => {
  local = await startLocalService();
  service = await local.connect();
  sampler = await service.createSamplingClient({ base_model: 'local/random' });
});
afterEach(() => local.server.faults.clear());
afterAll(() => local[Symbol.asyncDispose]());

describe('sampling client', () => {
  it('gives as many sequences as asked for, each with tokens, log-probabilities and an id (SMP-2)', async () => {
    const { sequences, prompt_logprobs } = await sampler.sample({
      prompt,
      num_samples: 3,
      sampling_params: { max_tokens: 6, seed: 1, stop: [] },
    });
    expect(sequences).toHaveLength(3);
    for (const sequence of sequences) {
      expect(sequence).toMatchObject({
        stop_reason: 'length',
        tokens: { length: 6 },
        logprobs: { length: 6 },
      });
    }
    expect(new Set(sequences.map(({ sequence_id }) => sequence_id)).size).toBe(3);
    expect(prompt_logprobs).toBeNull();
  });

  it('repeats itself for one seed, beyond 2^53 too, and for no other', async () => {
    const draw = async (seed: number | bigint): Promise<string> => {
      const { sequences } = await sampler.sample({
        prompt,
        sampling_params: { max_tokens: 16, seed, stop: [] },
      });
      return String(sequences[0]?.tokens);
    };
    const [first, again, next, small] = await Promise.all([
      draw(2n ** 60n),
      draw(2n ** 60n),
      draw(2n ** 60n + 1n),
      draw(7),
    ]);
    expect(again).toBe(first);
    expect(next).not.toBe(first);
    expect(small).not.toBe(first);
  });

  it('computes the log-probability of each prompt token, NaN for the first (SMP-3)', async () => {
    const logprobs = await sampler.computeLogprobs(prompt);
    expect(logprobs).toHaveLength(3);
    expect(logprobs[0]).toBeNaN();
    expect(logprobs.subarray(1).every((value) => value < 0)).toBe(true);
  });

  it('knows its base model, also when it was made from a path alone (SMP-4)', async () => {
    const training = await service.createLoraTrainingClient({ base_model: 'local/random', rank: 4 });
    const { path } = await training.saveWeightsForSampler({ name: 'sampler' });
    const fromPath = await training.createSamplingClient({ model_path: path });
    expect(fromPath.baseModel).toBe('local/random');
    expect(fromPath.samplerId).toMatch(/:sample:\d+$/);
    const tokenizer = await fromPath.getTokenizer();
    expect(tokenizer.decode(tokenizer.encode('hello there'))).toBe('hello there');
  });

  it('refuses misspelt and impossible options before anything is sent (TYP-8)', async () => {
    const sent = local.server.requests.length;
    const misspelt = { max_token: 5 };
    await expect(sampler.sample({ prompt, sampling_params: misspelt as object })).rejects.toThrow(
      "no option 'max_token'",
    );
    await expect(sampler.sample({ prompt, sampling_params: { temperature: -1 } })).rejects.toThrow(
      'temperature',
    );
    await expect(sampler.sample({ prompt, num_samples: 0 })).rejects.toThrow('num_samples');
    await expect(sampler.sample({ prompt: { chunks: [] } })).rejects.toThrow('modelInput(tokens)');
    expect(() => modelInput([1, 2.5])).toThrow('tokens[1] must be a token id');
    expect(local.server.requests.length).toBe(sent);
  });

  it('answers everything that can be asked about a prompt and its samples (SMP-2, TYP-18, TYP-19)', async () => {
    const response = await sampler.sample({
      prompt,
      num_samples: 2,
      sampling_params: { max_tokens: 3, seed: 1, stop: [] },
      prompt_logprobs: true,
      prompt_logprobs_last_n: 1,
      topk_prompt_logprobs: 2,
      topk_sample_logprobs: 2,
      target_prompt_logprobs: { dtype: 'int64', data: [6, -1, 7, 8], shape: [2, 2] },
      prompt_alt_tokens_k: 3,
    });
    const { prompt_logprobs, topk_prompt_logprobs, target_prompt_logprobs, prompt_alt_tokens } = response;
    expect(Array.from(prompt_logprobs ?? [])).toEqual([NaN, NaN, expect.any(Number)]);
    expect(topk_prompt_logprobs).toMatchObject({ k: 2, length: 3 });
    const rows = [0, 1, 2].map((place) => topk_prompt_logprobs && topkRow(topk_prompt_logprobs, place));
    expect(rows).toEqual([null, null, [expect.any(Array), expect.any(Array)]]);
    expect(target_prompt_logprobs).toMatchObject({ dtype: 'float32', shape: [2, 2] });
    expect(target_prompt_logprobs?.data[1]).toBe(0);
    expect(target_prompt_logprobs?.data[2]).toBeCloseTo(prompt_logprobs?.[2] ?? 0, 4);
    expect(prompt_alt_tokens).toMatchObject({
      tokens: { dtype: 'int64', data: expect.any(BigInt64Array), shape: [2, 3] },
      logprobs: { dtype: 'float32', data: { length: 6 }, shape: [2, 3] },
    });
    for (const { tokens, logprobs, topk_logprobs } of response.sequences) {
      expect(topk_logprobs).toMatchObject({ k: 2, length: tokens.length });
      const drawn = topk_logprobs?.token_ids.indexOf(tokens[0] ?? -1);
      if (drawn === 0 || drawn === 1) expect(topk_logprobs?.logprobs[drawn]).toBe(logprobs?.[0]);
    }
  });

  it('lays scores of named tokens out as they were named, in compressed rows too (SMP-2)', async () => {
    const { target_prompt_logprobs } = await sampler.sample({
      prompt,
      sampling_params: { max_tokens: 1 },
      target_prompt_logprobs: {
        dtype: 'int64',
        data: [7],
        shape: [2, 5],
        sparse_crow_indices: [0, 0, 1],
        sparse_col_indices: [4],
      },
    });
    expect(target_prompt_logprobs).toMatchObject({
      data: { length: 1 },
      shape: [2, 5],
      sparse_crow_indices: BigInt64Array.of(0n, 0n, 1n),
      sparse_col_indices: BigInt64Array.of(4n),
    });
  });

  it('scores only the end of a prompt where that is asked for (SMP-3)', async () => {
    const [whole, last] = [
      await sampler.computeLogprobs(prompt),
      await sampler.computeLogprobs(prompt, { prompt_logprobs_last_n: 1 }),
    ];
    expect(Array.from(last)).toEqual([NaN, NaN, whole[2]]);
  });

  it('gives up one sample by its signal and leaves the others alone', async () => {
    const controller = new AbortController();
    const [aborted, other] = [
      sampler.sample({ prompt, sampling_params: { max_tokens: 20 } }, { signal: controller.signal }),
      sampler.sample({ prompt, sampling_params: { max_tokens: 20 } }),
    ];
    controller.abort(new Error('not this one'));
    await expect(aborted).rejects.toThrow('not this one');
    await expect(other).resolves.toBeDefined();
  });

  it('outlives an outage of the submission and of the polls', async () => {
    local.server.faults.add({ route: '/api/v1/asample', effect: briefOutage(429) });
    local.server.faults.add({ route: '/api/v1/retrieve_future', effect: { kind: 'cut' } });
    const retries: string[] = [];
    service.on('retry.scheduled', ({ what }) => retries.push(what));
    await expect(sampler.sample({ prompt, sampling_params: { max_tokens: 2 } })).resolves.toBeDefined();
    expect(retries).toEqual(['the result of Sample']);
  });

  it('says what the server refuses', async () => {
    const unknown = service.createSamplingClient({ base_model: 'no/such-model' });
    await expect(unknown).rejects.toMatchObject({
      category: 'user',
      message: expect.stringContaining('no/such-model'),
    });
    await expect(sampler.sample({ prompt: modelInput([2 ** 30]) })).rejects.toMatchObject({
      category: 'user',
    });
  });

  it('waits for its samples when it is closed, and takes no more', async () => {
    const closing = await service.createSamplingClient({ base_model: 'local/random' });
    const sample = closing.sample({ prompt, sampling_params: { max_tokens: 30, stop: [] } });
    await closing.close();
    await expect(sample).resolves.toMatchObject({ sequences: [{ stop_reason: 'length' }] });
    await expect(closing.sample({ prompt })).rejects.toMatchObject({ code: 'client_closed' });
  });

  it('fails what is left when the deadline of closing passes', async () => {
    const closing = await service.createSamplingClient({ base_model: 'local/random' });
    local.server.faults.add({ route: '/api/v1/asample', effect: { kind: 'delay', delayMs: 60_000 } });
    const sample = closing.sample({ prompt });
    await Promise.all([
      expect(sample).rejects.toMatchObject({ code: 'client_closed' }),
      closing.close({ deadlineMs: 10 }),
    ]);
  });
});
