import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import { loadBaseModel } from './base-model.ts';
import type { BaseModelWeights } from './base-model.ts';
import type { Transformer } from './graph/transformer.ts';

/** A base model in memory: weights, tokenizer, and the compiled passes, which models of one shape share. */
export interface LoadedBase extends BaseModelWeights {
  name: string;
  tokenizer: Tokenizer;
  transformer: Transformer;
}

export async function readBase(
  name: string,
  directory: string,
  transformerOf: (base: BaseModelWeights) => Transformer,
): Promise<LoadedBase> {
  const weights = await loadBaseModel(directory);
  const readJson = async (file: string): Promise<object> =>
    JSON.parse(await readFile(path.join(directory, file), 'utf8'));
  const tokenizer = new Tokenizer(await readJson('tokenizer.json'), await readJson('tokenizer_config.json'));
  return { ...weights, name, tokenizer, transformer: transformerOf(weights) };
}
