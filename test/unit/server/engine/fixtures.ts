import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Tokenizer } from '@huggingface/tokenizers';
import type { SampleTask, TrainingRow } from '../../../../src/server/engine/engine.ts';
import type { AdamParams, LoraConfig } from '../../../../src/types/training.ts';

export const modelsDirectory = fileURLToPath(new URL('../../../../models/', import.meta.url));

export const fullLora: LoraConfig = {
  rank: 8,
  seed: 3,
  train_attn: true,
  train_mlp: true,
  train_unembed: true,
};

export const adam: AdamParams = {
  learning_rate: 1e-2,
  beta1: 0.9,
  beta2: 0.95,
  eps: 1e-12,
  weight_decay: 0,
  grad_clip_norm: 0,
};

const readJson = (name: string): object =>
  JSON.parse(readFileSync(`${modelsDirectory}/local/random/${name}`, 'utf8'));

export const tokenizer = new Tokenizer(readJson('tokenizer.json'), readJson('tokenizer_config.json'));

export const encode = (text: string): Int32Array => Int32Array.from(tokenizer.encode(text).ids);

export const decode = (tokens: Int32Array): string =>
  tokenizer.decode([...tokens], { skip_special_tokens: false, clean_up_tokenization_spaces: false });

/** Next-token targets of a text with weight one each, and whatever else a test asks for. */
export function textRow(text: string, changes: Partial<TrainingRow> = {}): TrainingRow {
  const tokens = encode(text);
  return {
    tokens: tokens.slice(0, -1),
    targets: tokens.slice(1),
    targetCount: 1,
    weights: new Float32Array(tokens.length - 1).fill(1),
    ...changes,
  };
}

/** Eight tokens at temperature 1 without stop, unless a test asks otherwise. */
export function sampleTask(samplerId: string, prompt: string, changes: Partial<SampleTask> = {}): SampleTask {
  return {
    samplerId,
    prompt: encode(prompt),
    numSamples: 1,
    maxTokens: 8,
    temperature: 1,
    topK: -1,
    topP: 1,
    seed: 1n,
    stopTokens: [],
    stopStrings: [],
    stopAtEndOfSequence: false,
    promptLogprobs: false,
    ...changes,
  };
}
