import { readFile, writeFile } from 'node:fs/promises';

/** Replaces what stands between `<!-- name -->` and `<!-- /name -->` in a page, given from the root; the text around them stays. */
export async function writeTables(pageName: string, name: string, tables: string): Promise<void> {
  const page = new URL(`../../${pageName}`, import.meta.url);
  const [begin, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const old = await readFile(page, 'utf8');
  const from = old.indexOf(begin);
  const to = old.indexOf(end);
  if (from < 0 || to < from) throw new Error(`${pageName} has no ${begin} and ${end} around its tables`);
  await writeFile(page, `${old.slice(0, from + begin.length)}\n\n${tables}\n\n${old.slice(to)}`);
}
