// Puts the program, and what the threads of downloads run, into few files, so that they start fast: the last step of npm run
// build (docs/performance.md says what it gains). CommonJS, because importing Node's own modules loads what nobody asked for:
// node:http alone costs 40 ms by its getters. Commands stay files of their own, loaded when they run. The local server stays as
// tsc made it.
import { readFile, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import {
  rolldown,
  type CodeSplittingGroup,
  type OutputChunk,
  type OutputOptions,
  type RolldownBuild,
} from 'rolldown';

const root = path.join(import.meta.dirname, '..');
/** In place of what dependencies load when they start, for what this program does not do, or only in some errors. */
const standIns: Record<string, string> = {
  // Commander starts programs for subcommands; ours are none. 3 ms.
  'stand-in:child-process': 'export default {};',
  // got's checks put lists into their messages. The first list format loads the system's languages: 10 ms.
  'stand-in:list-format': `export default class {
    constructor(...options) { this.options = options; }
    format(list) { return new globalThis.Intl.ListFormat(...this.options).format(list); }
  }`,
};
/** Each is one file, with what its modules import: a start reads eight files, not fifty. */
const groups: CodeSplittingGroup[] = [
  // Help needs no more than this and the parser.
  {
    name: 'core',
    test: /\/src\/(cli\/(context|output|render-error|standard-streams)|core\/retry-policy)\.ts$/,
    priority: 3,
  },
  // It is configured before the client makes its schemas.
  { name: 'zod', test: /\/(node_modules\/zod\/|src\/core\/uncompiled-checks\.ts$)/, priority: 2 },
  { name: 'client', test: /\/src\/client\/(service|rest)-client\.ts$/, priority: 1 },
  {
    name: 'command',
    test: /\/src\/cli\/(connect|fetch-progress|list-(pages|writers)|print-list|render-table|result|whole-json)\.ts$/,
  },
];

const program = await rolldown({
  input: path.join(root, 'src/cli/main.ts'),
  platform: 'node',
  external: [
    '@node-rs/crc32',
    '@opentelemetry/api',
    'piscina',
    '@huggingface/tokenizers',
    '@huggingface/jinja',
  ],
  transform: { inject: { 'Intl.ListFormat': 'stand-in:list-format' } },
  // The version is written where it is used: a module less to load.
  optimization: { inlineConst: true },
  plugins: [
    {
      name: 'stand-ins',
      resolveId: (source, importer = '') => {
        const isUnneeded = source === 'node:child_process' && importer.includes('/node_modules/commander/');
        const name = isUnneeded ? 'stand-in:child-process' : source;
        return name in standIns ? { id: `\0${name}` } : undefined;
      },
      load: (id) => standIns[id.slice(1)],
    },
    {
      name: 'local-server',
      resolveId: (source) =>
        source.endsWith('/server/index.ts') ? { id: '../server/index.js', external: true } : undefined,
    },
  ],
});
const threads = await rolldown({
  input: path.join(root, 'src/workers/entry.ts'),
  platform: 'node',
  external: ['@node-rs/crc32'],
});
await write(program, { dir: path.join(root, 'dist/cli'), cleanDir: true, codeSplitting: { groups } });
await write(threads, { dir: path.join(root, 'dist/workers') });

async function write(bundle: RolldownBuild, options: OutputOptions & { dir: string }): Promise<void> {
  const { output } = await bundle.write({
    ...options,
    format: 'cjs',
    minify: { compress: false, mangle: false, codegen: true },
    entryFileNames: '[name].cjs',
    chunkFileNames: '[name]-[hash].cjs',
  });
  const chunks = output.filter((file): file is OutputChunk => file.type === 'chunk');
  for (const { fileName, code } of chunks) await writeFile(path.join(options.dir, fileName), toAscii(code));
  const modules = chunks.flatMap((chunk) => chunk.moduleIds);
  await writeFile(path.join(options.dir, 'licenses.txt'), await licensesOf(modules));
}

/** The same program. One character beyond ASCII makes a file twice as large in memory, and slower to read. */
function toAscii(code: string): string {
  return code.replace(/\\[\0-\u007f]|\\?[^\0-\u007f]/g, (text) => {
    const unit = text.charCodeAt(text.length - 1);
    return unit < 128 ? text : `\\u${unit.toString(16).padStart(4, '0')}`;
  });
}

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
