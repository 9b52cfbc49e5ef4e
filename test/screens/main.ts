// Captures what people see on terminals of 80 and 120 columns: `npm run screens` writes docs/screens.md. Needs tmux. What
// differs from run to run (folders, rates, times) is replaced by stand-ins of the same width.
import { mkdtempDisposable, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { createLocalServer } from '../../src/server/index.ts';
import { checkpointPaths, startCheckpointServer } from './checkpoint-server.ts';
import { Terminal } from './terminal.ts';

const program = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const document = new URL('../../docs/screens.md', import.meta.url);

interface Screen {
  title: string;
  text: string;
}

// As long as the stand-in, so that lines break alike.
await using folder = await mkdtempDisposable('/tmp/screens-');
const standIn = '/home/ann/tinker-ts';
await using server = await createLocalServer({ dataDir: `${folder.path}/data` });
const screens: Record<string, string[]> = {};
for (const columns of [80, 120]) {
  for await (const { title, text } of captureAll(columns)) {
    process.stderr.write(`${columns} columns: ${title}\n`);
    (screens[title] ??= []).push(`${columns} columns:\n\n\`\`\`text\n${steady(text)}\n\`\`\``);
  }
}
const sections = Object.entries(screens).map(([title, texts]) => [`## ${title}`, ...texts].join('\n\n'));
const head =
  '# What the program looks like\n\nWritten by `npm run screens`, from terminals of 80 and 120 columns; rates and times are stand-ins.';
await writeFile(document, `${[head, ...sections].join('\n\n')}\n`);

async function* captureAll(columns: number): AsyncGenerator<Screen> {
  yield* captureDownload(columns);
  const nowhere = { TINKER_BASE_URL: 'http://127.0.0.1:9' };
  yield { title: 'A misspelt command', text: await capture(columns, ['run', 'lits']) };
  yield { title: 'An error', text: await capture(columns, ['run', 'list'], nowhere) };
  yield {
    title: 'The same, and its cause',
    text: await capture(columns, ['run', 'list', '--verbose'], nowhere),
  };
  yield {
    title: 'The same in JSON',
    text: await capture(columns, ['run', 'list', '--format', 'json'], nowhere),
  };
  yield { title: 'Help of the program', text: await capture(columns, ['--help']) };
  yield { title: 'Help of a command', text: await capture(columns, ['checkpoint', 'download', '--help']) };
  yield { title: 'A chat', text: await captureChat(columns) };
}

/** Five downloads, four at a time: while they run, and when they are done. */
async function* captureDownload(columns: number): AsyncGenerator<Screen> {
  await using checkpoints = await startCheckpointServer();
  const args = ['checkpoint', 'download', ...checkpointPaths, '--output', 'models'];
  const shown = ['tinker-ts checkpoint download', ...checkpointPaths, '--output models'].join(' \\\n    ');
  const connection = { TINKER_BASE_URL: checkpoints.url };
  await using terminal = await start(columns, args, connection, shown);
  await terminal.shows(/ 4\.5 MB\/7[^]* 1\.8 MB\/5[^]* 1\.3 MB\/7[^]* 1\.0 MB\/4/);
  yield { title: 'A bulk download, while it runs', text: await terminal.screen() };
  checkpoints.release();
  yield { title: 'A bulk download, at its end', text: await terminal.ended() };
  await rm(`${folder.path}/models`, { recursive: true });
}

async function captureChat(columns: number): Promise<string> {
  await using terminal = await start(columns, ['chat', '--model', 'local/stories-1m', '--seed', '1']);
  await terminal.shows(/^> $|^>$/m);
  await terminal.press('What is 2 + 2?', 'Enter');
  await terminal.shows(/(^>.*[^]*){2}/m);
  await terminal.press('Tell me a story.', 'Enter');
  await terminal.shows(/(^>.*[^]*){3}/m);
  await terminal.press('C-d');
  return await terminal.ended();
}

async function capture(
  columns: number,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<string> {
  await using terminal = await start(columns, args, env);
  return await terminal.ended();
}

function start(
  columns: number,
  args: readonly string[],
  env: Record<string, string> = {},
  shown = `tinker-ts ${args.join(' ')}`,
): Promise<Terminal> {
  const connection = { TINKER_BASE_URL: server.url, TINKER_API_KEY: 'tml-screens' };
  return Terminal.start(shown, [process.execPath, program, ...args], {
    columns,
    rows: 50,
    cwd: folder.path,
    env: { ...connection, ...env },
  });
}

function steady(text: string): string {
  return text
    .replaceAll(folder.path, standIn)
    .replaceAll(/ *\d+(\.\d)? [KM]?B\/s/g, (rate) => '2.0 MB/s'.padStart(rate.length))
    .replaceAll(/\d\d:\d\d:\d\d/g, '00:00:02');
}
