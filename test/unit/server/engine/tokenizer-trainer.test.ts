import { readFileSync } from 'node:fs';
import { Tokenizer } from '@huggingface/tokenizers';
import { describe, expect, it } from 'vitest';
import { document } from '../../../../scripts/pretrain/corpus/documents.ts';
import { RandomSource } from '../../../../scripts/pretrain/corpus/random-source.ts';
import { tokenizerConfig, tokenizerJson } from '../../../../scripts/pretrain/tokenizer-files.ts';
import { trainBytePairs } from '../../../../scripts/pretrain/tokenizer-trainer.ts';
import { encode, modelsDirectory } from './fixtures.ts';

describe('the corpus', () => {
  it('is the same text for a seed and other text for another', () => {
    const write = (seed: number) => {
      const random = new RandomSource(seed);
      return Array.from({ length: 50 }, () => document(random));
    };
    expect(write(1)).toEqual(write(1));
    expect(write(2)).not.toEqual(write(1));
    expect(new Set(write(1)).size).toBeGreaterThan(45);
  });

  it('takes fewer tokens than half its characters', () => {
    const random = new RandomSource(3);
    const text = Array.from({ length: 100 }, () => document(random)).join('\n');
    expect(encode(text).length).toBeLessThan(text.length / 2);
  });
});

describe('byte-pair training', () => {
  it('merges the most frequent pair first, within words only, and digits never', () => {
    const { tokens, merges } = trainBytePairs(['low low lower 11 11 11 11'], 259);
    expect(merges.slice(0, 2)).toEqual([
      ['l', 'o'],
      ['lo', 'w'],
    ]);
    expect(tokens.slice(256)).toEqual(['lo', 'low', 'Ġlow']);
  });

  it('stops when no pair repeats, and gives files that a tokenizer reads', () => {
    const vocabulary = trainBytePairs(['ab ab'], 300);
    expect(vocabulary.tokens).toHaveLength(257);
    const tokenizer = new Tokenizer(tokenizerJson(vocabulary), tokenizerConfig(64));
    expect(tokenizer.encode('ab<|im_end|>').ids).toEqual([256, 259]);
  });

  it('gave both base models the same vocabulary', () => {
    const [random, stories] = ['random', 'stories-1m'].map((name) =>
      readFileSync(`${modelsDirectory}local/${name}/tokenizer.json`, 'utf8'),
    );
    expect(stories).toBe(random);
  });
});
