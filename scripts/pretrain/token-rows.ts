import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import { document } from './corpus/documents.ts';
import { RandomSource } from './corpus/random-source.ts';

/** Rows of tokens to learn from: documents one after another, from the start of one until the row is full. */
export class TokenRows {
  readonly #tokenizer: Tokenizer;
  readonly #random: RandomSource;

  constructor(modelDirectory: string, seed: number) {
    const read = (name: string) => JSON.parse(readFileSync(path.join(modelDirectory, name), 'utf8'));
    this.#tokenizer = new Tokenizer(read('tokenizer.json'), read('tokenizer_config.json'));
    this.#random = new RandomSource(seed);
  }

  /** `length + 1` tokens: inputs, and targets one further. */
  next(length: number): Int32Array {
    const row = new Int32Array(length + 1);
    for (let filled = 0; filled < row.length;) {
      const { ids } = this.#tokenizer.encode(`${document(this.#random)}<|endoftext|>`);
      for (const id of ids.slice(0, row.length - filled)) row[filled++] = id;
    }
    return row;
  }
}
