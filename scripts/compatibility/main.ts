// Writes docs/compatibility.md from what the compatibility runs have seen; with --check it only says when it is out of date,
// and ends with 1.
import { readFile, writeFile } from 'node:fs/promises';
import { readCounterparts } from './counterparts.ts';
import { readResults } from './results.ts';
import { toPage } from './to-page.ts';

const file = new URL('../../docs/compatibility.md', import.meta.url);
const [official, ours, cookbook, counterparts] = await Promise.all([
  readResults('official-sdk'),
  readResults('our-sdk'),
  readResults('cookbook'),
  readCounterparts(),
]);
const page = toPage({ official, ours, cookbook, counterparts });
if (!process.argv.includes('--check')) {
  await writeFile(file, page);
} else if ((await readFile(file, 'utf8').catch(() => '')) !== page) {
  console.error('docs/compatibility.md is out of date: run `npm run compatibility`');
  process.exitCode = 1;
}
