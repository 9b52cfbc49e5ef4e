// Trains the byte-pair vocabulary on generated text and writes it for both base models: npm run train:tokenizer
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import path from 'node:path';
import { document } from './corpus/documents.ts';
import { RandomSource } from './corpus/random-source.ts';
import { chatTemplate, specialTokens, tokenizerConfig, tokenizerJson } from './tokenizer-files.ts';
import { trainBytePairs } from './tokenizer-trainer.ts';

const models = fileURLToPath(new URL('../../models/local/', import.meta.url));
const vocabularySize = 512;
const contextLength = 1024;
const documentCount = 20_000;

const random = new RandomSource(1);
const withoutSpecials = new RegExp(
  specialTokens.map((token) => token.replaceAll('|', String.raw`\|`)).join('|'),
  'g',
);
const texts = Array.from({ length: documentCount }, () => document(random).replaceAll(withoutSpecials, '\n'));
const vocabulary = trainBytePairs(texts, vocabularySize - specialTokens.length);

for (const name of ['stories-1m', 'random']) {
  const directory = path.join(models, name);
  mkdirSync(directory, { recursive: true });
  writeFileSync(
    path.join(directory, 'tokenizer.json'),
    `${JSON.stringify(tokenizerJson(vocabulary), undefined, 1)}\n`,
  );
  writeFileSync(
    path.join(directory, 'tokenizer_config.json'),
    `${JSON.stringify(tokenizerConfig(contextLength), undefined, 2)}\n`,
  );
  writeFileSync(path.join(directory, 'chat_template.jinja'), chatTemplate);
}
console.log(`${vocabulary.tokens.length} tokens and ${specialTokens.length} special ones`);
