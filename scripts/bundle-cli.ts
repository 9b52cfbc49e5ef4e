// Puts the program into few files, so that it starts fast: the last step of npm run build (docs/performance.md says what it
// gains). CommonJS, because importing Node's own modules loads what nobody asked for: node:http alone costs 40 ms by its getters.
// Commands stay files of their own, loaded when they run. The local server stays as tsc made it.
import { readFile, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { rolldown, type OutputChunk } from 'rolldown';

const root = path.join(import.meta.dirname, '..');
const folder = path.join(root, 'dist/cli');
const noChildProcess = '\0no-child-process';

const bundle = await rolldown({
  // The threads' entry is beside the pool that looks for it there.
  input: { main: path.join(root, 'src/cli/main.ts'), entry: path.join(root, 'src/workers/entry.ts') },
  platform: 'node',
  external: [
    '@node-rs/crc32',
    '@opentelemetry/api',
    'piscina',
    '@huggingface/tokenizers',
    '@huggingface/jinja',
  ],
  // The version is written where it is used: a module less to load.
  optimization: { inlineConst: true },
  plugins: [
    {
      // Commander can start programs for subcommands. Ours are none, and what it would start them with takes 3 ms to load.
      name: 'no-subcommand-programs',
      resolveId: (source, importer) =>
        source === 'node:child_process' && /\/node_modules\/commander\//.test(importer ?? '')
          ? { id: noChildProcess }
          : undefined,
      load: (id) => (id === noChildProcess ? 'export default {};' : undefined),
    },
    {
      name: 'local-server',
      resolveId: (source) =>
        source.endsWith('/server/index.ts') ? { id: '../server/index.js', external: true } : undefined,
    },
  ],
});
const { output } = await bundle.write({
  dir: folder,
  cleanDir: true,
  format: 'cjs',
  minify: { compress: false, mangle: false, codegen: true },
  entryFileNames: '[name].cjs',
  chunkFileNames: '[name]-[hash].cjs',
});
const modules = output
  .filter((file): file is OutputChunk => file.type === 'chunk')
  .flatMap((chunk) => chunk.moduleIds);
await writeFile(path.join(folder, 'licenses.txt'), await licensesOf(modules));

/** The licences of the packages that are part of these files. */
async function licensesOf(moduleIds: readonly string[]): Promise<string> {
  const folders = moduleIds.map((id) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id)?.[0] ?? '');
  const names = [...new Set(folders)].filter((name) => name !== '').toSorted();
  const texts = names.map(async (name) => {
    const {
      name: title,
      version,
      license,
    } = JSON.parse(await readFile(path.join(name, 'package.json'), 'utf8')) as Record<string, string>;
    const file = (await readdir(name)).find((entry) => /^licen[cs]e/i.test(entry));
    const text = file === undefined ? '' : await readFile(path.join(name, file), 'utf8');
    return `${title} ${version} (${license})\n\n${text.trim()}\n`;
  });
  return (await Promise.all(texts)).join(`\n${'-'.repeat(80)}\n\n`);
}
