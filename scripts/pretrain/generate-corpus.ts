// Writes a sample of the text that local/stories-1m is pretrained on: npm run generate:corpus -- [documents] [seed]
import { document } from './corpus/documents.ts';
import { RandomSource } from './corpus/random-source.ts';

const [count = '20', seed = '1'] = process.argv.slice(2);
const random = new RandomSource(Number(seed));
for (let index = 0; index < Number(count); index++) console.log(`${document(random)}\n<|endoftext|>`);
