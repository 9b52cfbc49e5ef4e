import { describe, expect, it } from 'vitest';
import { matchesPattern } from '../../../src/cli/hub/patterns.ts';
import { checkRepo, deriveTarget } from '../../../src/cli/hub/repo-name.ts';
import { findTinkerPath, toModelCard } from '../../../src/cli/hub/model-card.ts';
import { parseTinkerPath } from '../../../src/core/tinker-path.ts';

describe('patterns of file names (CMD-11)', () => {
  it.each([
    ['adapter_config.json', '*.json', true],
    ['logs/a/b.json', '*.json', true],
    ['logs/a.txt', 'logs/', true],
    ['logs/a.txt', 'logs/*', true],
    ['a.txt', 'logs/', false],
    ['a+b(1).txt', 'a+b(1).txt', true],
    ['aab1.txt', 'a+b1.txt', false],
    ['part-1.bin', 'part-[0-9].bin', true],
    ['part-x.bin', 'part-[!0-9].bin', true],
    ['part-1.bin', 'part-[!0-9].bin', false],
    ['a[b', 'a[b', true],
    ['ab', 'a?', true],
    ['a', 'a?', false],
    ['README.md', 'readme.md', false],
  ])('%s and %s: %s', (name, pattern, expected) => {
    expect(matchesPattern(name, pattern)).toBe(expected);
  });
});

describe('where an adapter goes (CMD-11)', () => {
  const path = parseTinkerPath('tinker://a-b:train:0/weights/step 1!');

  it('is named after base model and run, with a branch for the checkpoint', () => {
    expect(deriveTarget(path, 'Qwen/Qwen3-8B')).toEqual({
      name: 'tinker-Qwen3-8B-a-b-train-0',
      revision: 'weights-step-1',
    });
    expect(deriveTarget(path, undefined).name).toBe('tinker-adapter-a-b-train-0');
  });

  it.each(['me/mine', 'mine', 'my.org/a_b-c'])('%s is a repository', (repo) => {
    expect(() => checkRepo(repo)).not.toThrow();
  });

  it.each(['', 'a/b/c', 'a b', '/a', 'https://host/a'])('%j is none', (repo) => {
    expect(() => checkRepo(repo)).toThrow('--repo must look like owner/name');
  });
});

describe('the model card', () => {
  it('says less where nothing is known, and is found again by its path', () => {
    const tinkerPath = 'tinker://run/weights/a';
    const card = toModelCard({ tinkerPath, repo: 'me/mine', baseModel: undefined, weights: undefined });
    expect(card).toContain('base_model: unknown\n');
    expect(card).not.toMatch(/base_model:adapter|rank|Trained:/);
    expect(findTinkerPath(card)).toBe(tinkerPath);
    expect(findTinkerPath('# Another model')).toBeUndefined();
  });
});
