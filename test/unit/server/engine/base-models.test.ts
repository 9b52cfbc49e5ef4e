import { readFile, stat } from 'node:fs/promises';
import { Template } from '@huggingface/jinja';
import { Tokenizer } from '@huggingface/tokenizers';
import { assert, property, string } from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { document } from '../../../../scripts/pretrain/corpus/documents.ts';
import { RandomSource } from '../../../../scripts/pretrain/corpus/random-source.ts';
import { loadBaseModel, readModelConfig } from '../../../../src/server/engine/base-model.ts';
import type { Engine } from '../../../../src/server/engine/engine.ts';
import { createEngine } from '../../../../src/server/engine/index.ts';
import { decodeSafetensors } from '../../../../src/server/engine/safetensors.ts';
import { decode, modelsDirectory, sampleTask } from './fixtures.ts';

const names = ['local/random', 'local/stories-1m'];
const fileOf = (name: string, file: string) => `${modelsDirectory}${name}/${file}`;
const readJson = async (name: string, file: string) => JSON.parse(await readFile(fileOf(name, file), 'utf8'));
const tokenizerOf = async (name: string) =>
  new Tokenizer(await readJson(name, 'tokenizer.json'), await readJson(name, 'tokenizer_config.json'));

describe.each(names)('%s', (name) => {
  it('has a tokenizer that gives back any text, and special tokens as one token each', async () => {
    const tokenizer = await tokenizerOf(name);
    const back = (text: string) =>
      tokenizer.decode(tokenizer.encode(text).ids, {
        skip_special_tokens: false,
        clean_up_tokenization_spaces: false,
      });
    assert(
      property(string({ unit: 'grapheme', minLength: 1, maxLength: 40 }), (text) => {
        expect(back(text)).toBe(text);
      }),
    );
    const { ids } = tokenizer.encode('<|endoftext|><|im_start|><|im_end|><think></think>');
    expect(ids).toEqual([507, 508, 509, 510, 511]);
    expect((await readModelConfig(`${modelsDirectory}${name}`)).endTokens).toEqual([509, 507]);
  });

  it('has a ChatML template, in its own file and in the config', async () => {
    const text = await readFile(fileOf(name, 'chat_template.jinja'), 'utf8');
    expect((await readJson(name, 'tokenizer_config.json')).chat_template).toBe(text);
    const messages = [
      { role: 'system', content: 'Be kind.' },
      { role: 'user', content: 'Hello' },
    ];
    const rendered = '<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nHello<|im_end|>\n';
    expect(new Template(text).render({ messages })).toBe(rendered);
    const asked = new Template(text).render({ messages, add_generation_prompt: true });
    expect(asked).toBe(`${rendered}<|im_start|>assistant\n`);
  });

  it('has a config that Llama readers understand', async () => {
    expect(await readJson(name, 'config.json')).toMatchObject({
      architectures: ['LlamaForCausalLM'],
      model_type: 'llama',
      vocab_size: 512,
      max_position_embeddings: 1024,
      tie_word_embeddings: false,
    });
  });
});

describe('local/random', () => {
  it('has the same weights at every load, drawn by its seed', async () => {
    const [first, second] = [
      await loadBaseModel(fileOf('local/random', '')),
      await loadBaseModel(fileOf('local/random', '')),
    ];
    expect(second.matrices.unembedding).toEqual(first.matrices.unembedding);
    expect(second.frozen.embedding).toEqual(first.frozen.embedding);
    expect(new Set(first.frozen.embedding).size).toBeGreaterThan(10_000);
  });
});

describe('local/stories-1m', () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = createEngine({ modelsDirectory });
    await engine.createSampler({
      samplerId: 'stories',
      baseModel: 'local/stories-1m',
      from: { kind: 'base' },
    });
  });
  afterAll(() => engine.close());

  const write = async (prompt: string, changes: Parameters<typeof sampleTask>[2]) => {
    const task = sampleTask('stories', prompt, { stopAtEndOfSequence: true, ...changes });
    const { sequences } = await engine.sample(task);
    return sequences.map(({ tokens }) => decode(tokens));
  };

  it('has its weights under the names of Llama, in less than 5 MB', async () => {
    const file = fileOf('local/stories-1m', 'model.safetensors');
    expect((await stat(file)).size).toBeLessThan(5e6);
    const { tensors } = decodeSafetensors(await readFile(file), file);
    expect(tensors.get('model.layers.3.self_attn.q_proj.weight')?.shape).toEqual([128, 128]);
    expect(tensors.get('model.embed_tokens.weight')?.shape).toEqual([512, 128]);
    expect(tensors.get('lm_head.weight')?.shape).toEqual([512, 128]);
    expect(tensors.size).toBe(4 * 9 + 3);
  });

  it('writes sentences of the words that it was taught', async () => {
    const random = new RandomSource(99);
    const taught = Array.from({ length: 3000 }, () => document(random)).join(' ');
    const words = new Set(taught.match(/\p{L}+/gu));
    const stories = await write('Once upon a time', {
      numSamples: 8,
      maxTokens: 120,
      temperature: 0.7,
      seed: 4n,
    });
    const written = stories.flatMap((story) => story.match(/\p{L}+/gu) ?? []);
    expect(written.length).toBeGreaterThan(300);
    expect(written.filter((word) => words.has(word)).length / written.length).toBeGreaterThan(0.95);
    expect(stories.filter((story) => (story.match(/\./g) ?? []).length >= 3).length).toBeGreaterThanOrEqual(
      7,
    );
  });

  it('answers a question in chat form and ends its turn', async () => {
    const prompt = '<|im_start|>user\nWhat color is the sky?<|im_end|>\n<|im_start|>assistant\n';
    expect(await write(prompt, { temperature: 0, maxTokens: 30 })).toEqual(['The sky is blue.<|im_end|>']);
  });
});
