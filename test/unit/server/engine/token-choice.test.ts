import { describe, expect, it } from 'vitest';
import { RandomStream } from '../../../../src/server/engine/random-stream.ts';
import { StopRule } from '../../../../src/server/engine/sampling/stop-rule.ts';
import { chooseToken } from '../../../../src/server/engine/sampling/token-choice.ts';
import { encode, tokenizer } from './fixtures.ts';

/** Probabilities 0.1, 0.4, 0.2, 0.3 at temperature 1. */
const logits = Float32Array.from([0.1, 0.4, 0.2, 0.3], Math.log);
const free = { temperature: 1, topK: -1, topP: 1 };

/** Which share of evenly spread draws gives each token. */
function shares(settings: typeof free): number[] {
  const draws = 1000;
  const counts = [0, 0, 0, 0];
  for (let draw = 0; draw < draws; draw++) {
    const token = chooseToken(logits, settings, (draw + 0.5) / draws);
    counts[token] = (counts[token] ?? 0) + 1;
  }
  return counts.map((count) => count / draws);
}

describe('the choice of a token', () => {
  it.each([
    ['the model by default', free, [0.1, 0.4, 0.2, 0.3]],
    ['only the likeliest at temperature 0', { ...free, temperature: 0 }, [0, 1, 0, 0]],
    [
      'a sharper distribution at a low temperature',
      { ...free, temperature: 0.5 },
      [1 / 30, 16 / 30, 4 / 30, 9 / 30],
    ],
    ['the top_k likeliest', { ...free, topK: 2 }, [0, 4 / 7, 0, 3 / 7]],
    ['the model when top_k is the whole vocabulary', { ...free, topK: 4 }, [0.1, 0.4, 0.2, 0.3]],
    ['the fewest that reach top_p', { ...free, topP: 0.65 }, [0, 4 / 7, 0, 3 / 7]],
    ['at least one token however small top_p is', { ...free, topP: 1e-9 }, [0, 1, 0, 0]],
    ['top_p of what top_k leaves', { ...free, topK: 2, topP: 0.5 }, [0, 1, 0, 0]],
  ])('follows %s', (_title, settings, expected) => {
    for (const [token, share] of shares(settings).entries())
      expect(share).toBeCloseTo(expected[token] ?? 0, 2);
  });

  it('never gives a token of probability zero', () => {
    const impossible = Float32Array.from([-Infinity, 0, -Infinity]);
    for (const uniform of [0, 0.5, 0.999999]) expect(chooseToken(impossible, free, uniform)).toBe(1);
  });
});

describe('the stop rule', () => {
  const rule = (tokens: number[], strings: string[]) => new StopRule(tokenizer, tokens, strings);
  const firstStop = (stop: StopRule, text: string) => {
    const tokens = [...encode(text)];
    return tokens.findIndex((_, index) => stop.isStop(tokens.slice(0, index + 1)));
  };

  it('stops at one of its tokens', () => {
    const [token = 0] = encode('.');
    expect(rule([token], []).isStop([1, 2, token])).toBe(true);
    expect(rule([token], []).isStop([token, 1])).toBe(false);
    expect(rule([], []).isStop([token])).toBe(false);
  });

  it('stops at the token that completes a string, across tokens and characters of several bytes', () => {
    const text = 'Once upon a time, Grüße there';
    for (const stop of ['upon a', 'time,', 'üß']) {
      const tokens = [...encode(text)];
      const index = firstStop(rule([], [stop]), text);
      expect(index, stop).toBeGreaterThan(0);
      expect(tokenizer.decode(tokens.slice(0, index + 1))).toContain(stop);
      expect(tokenizer.decode(tokens.slice(0, index))).not.toContain(stop);
    }
    expect(firstStop(rule([], ['dragon']), text)).toBe(-1);
  });

  it('knows special tokens by their text', () => {
    expect(firstStop(rule([], ['<|im_end|>']), 'Hello<|im_end|>')).toBe(encode('Hello<|im_end|>').length - 1);
  });
});

describe('random streams', () => {
  const draw = (seed: bigint, index?: number) => {
    const random = new RandomStream(seed, index);
    return Array.from({ length: 4 }, () => random.next());
  };

  it('are equal for one seed and index and differ for any other, seeds of any size and sign included', () => {
    const seeds = [0n, 1n, -1n, 2n ** 31n, 2n ** 64n, 2n ** 70n, -(2n ** 70n), 2n ** 70n + 1n];
    const all = seeds.flatMap((seed) => [draw(seed), draw(seed, 1), draw(seed, 2)].map(String));
    expect(new Set(all).size).toBe(all.length);
    expect(draw(2n ** 70n, 3)).toEqual(draw(2n ** 70n, 3));
  });

  it('are uniform and normal', () => {
    const random = new RandomStream(9n);
    const size = 20_000;
    const uniform = Array.from({ length: size }, () => random.next());
    const normal = Array.from({ length: size }, () => random.normal());
    const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / size;
    expect(mean(uniform)).toBeCloseTo(0.5, 1);
    expect(uniform.filter((value) => value < 0.25).length / size).toBeCloseTo(0.25, 1);
    expect(mean(normal)).toBeCloseTo(0, 1);
    expect(mean(normal.map((value) => value * value))).toBeCloseTo(1, 1);
  });
});
