import { Command, InvalidArgumentError, Option, type CommanderError } from 'commander';
import { packageVersion } from '../core/version.ts';
import type { CommandContext, OutputFormat } from './context.ts';
import { UsageError } from './errors.ts';
import type { CommandResult } from './result.ts';
import type { DeleteOptions } from './commands/checkpoint-delete.ts';
import type { DownloadCommandOptions } from './commands/checkpoint-download.ts';
import type { CheckpointListOptions } from './commands/checkpoint-list.ts';
import type { RunListOptions } from './commands/run-list.ts';
import type { ServeOptions } from './commands/serve.ts';

/** A command, ready to run: its module is loaded only then. One that prints by itself gives nothing back. */
export type CommandBody = (context: CommandContext) => Promise<CommandResult | void>;

export interface Program {
  command: Command;
  /** As far as the arguments have been read. */
  format(): OutputFormat;
}

const environmentHelp = `
Environment:
  TINKER_API_KEY   your key (any text for a local server without --api-key)
  TINKER_BASE_URL  another server than the hosted service, for example
                   http://127.0.0.1:8080
  TINKER_LOG       debug, info, warn, error or silent
  NO_COLOR         no colors

Exit codes:
  0 ok, 1 failure, 2 usage, 3 authentication, 4 not found, 5 network,
  130 interrupted`;

/** The command tree. Parsing ends in `start`, or throws UsageError, or CommanderError after help was shown. */
export function createProgram(start: (body: CommandBody) => Promise<void>): Program {
  const program = new Command('tinker-ts')
    .description('Manage Tinker training runs and checkpoints, and run a local Tinker server.')
    .version(`tinker-ts ${packageVersion}`)
    .addOption(
      new Option('-f, --format <format>', 'output format').choices(['table', 'json']).default('table'),
    )
    .configureHelp({ showGlobalOptions: true, sortSubcommands: true })
    .addHelpText('after', environmentHelp);

  const checkpoint = program.command('checkpoint').description('Manage checkpoints.');
  checkpoint
    .command('list')
    .description('List checkpoints, newest first.')
    .option('--run-id <id>', 'only those of this run, and all of them')
    .addOption(limitOption())
    .action((options: CheckpointListOptions) =>
      start(async (context) =>
        (await import('./commands/checkpoint-list.ts')).listCheckpoints(context, options),
      ),
    );
  checkpoint
    .command('info')
    .description('Show one checkpoint.')
    .argument('<path>', 'tinker://run-id/weights/name')
    .action((path: string) =>
      start(async (context) => (await import('./commands/checkpoint-info.ts')).showCheckpoint(context, path)),
    );
  checkpoint
    .command('download')
    .description('Download checkpoints, each into a folder of its own.')
    .argument('<paths...>', 'tinker://run-id/weights/name')
    .option('-o, --output <dir>', 'folder in which those folders appear', '.')
    .option('--force', 'replace what is there, once the download is complete')
    .action((paths: string[], options: DownloadCommandOptions) =>
      start(async (context) =>
        (await import('./commands/checkpoint-download.ts')).downloadCheckpoints(context, paths, options),
      ),
    );
  checkpoint
    .command('delete')
    .description('Delete checkpoints for good. Asks first.')
    .argument('<paths...>', 'tinker://run-id/weights/name')
    .option('-y, --yes', 'do not ask')
    .action((paths: string[], options: DeleteOptions) =>
      start(async (context) =>
        (await import('./commands/checkpoint-delete.ts')).deleteCheckpoints(context, paths, options),
      ),
    );

  const run = program.command('run').description('Manage training runs.');
  run
    .command('list')
    .description('List training runs, newest first.')
    .addOption(limitOption())
    .option(
      '-c, --columns <keys>',
      'what to show, of: id, model, owner, lora, updated, status, checkpoint, checkpoint_time',
    )
    .action((options: RunListOptions) =>
      start(async (context) => (await import('./commands/run-list.ts')).listRuns(context, options)),
    );
  run
    .command('info')
    .description('Show one training run.')
    .argument('<run>', 'id of the run')
    .action((runId: string) =>
      start(async (context) => (await import('./commands/run-info.ts')).showRun(context, runId)),
    );

  program
    .command('serve')
    .description('Run a local Tinker server that really trains, until Ctrl-C.')
    .option('--port <port>', 'port to listen on; 0 takes a free one', toPort, 8080)
    .option('--host <host>', 'address to listen on', '127.0.0.1')
    .option('--data-dir <dir>', 'where runs and checkpoints are kept', './tinker-data')
    .option('--api-key <key>', 'what clients must send as their key; any key will do without it')
    .option('--alias <name=model>', 'another name for a local model; may be repeated', toAliases, {})
    .action((options: ServeOptions) =>
      start(async (context) => (await import('./commands/serve.ts')).serve(context, options)),
    );
  program
    .command('version')
    .description('Show the version.')
    .action(() => start(async () => (await import('./commands/version.ts')).showVersion()));

  throwErrors(program, 'tinker-ts');
  return { command: program, format: () => program.opts<{ format: OutputFormat }>().format };
}

/** Makes every command throw: UsageError for a line it cannot read, CommanderError where help or the version was shown. */
function throwErrors(command: Command, path: string): void {
  command.configureOutput({ outputError: () => undefined });
  command.exitOverride((error) => {
    if (/^commander\.(help|version)/.test(error.code)) throw error;
    const message = error.message.replace(/^error: /, '').replace(/\s*\n\s*/g, ' ');
    throw new UsageError(message, `Try '${path} --help' for help.`);
  });
  for (const child of command.commands) throwErrors(child, `${path} ${child.name()}`);
}

/** What the shell is told after help or the version was shown: asking for help is fine, a missing command is not. */
export function isAskedFor(error: CommanderError): boolean {
  return error.exitCode === 0;
}

function limitOption(): Option {
  return new Option('--limit <count>', 'how many at most; 0 for all').default(20).argParser(toInteger);
}

function toInteger(text: string): number {
  if (!/^[+-]?\d+$/.test(text)) throw new InvalidArgumentError('It must be a whole number.');
  return Number.parseInt(text, 10);
}

function toAliases(text: string, previous: Readonly<Record<string, string>>): Record<string, string> {
  const [, name, model] = /^([^=]+)=([^=]+)$/.exec(text) ?? [];
  if (name === undefined || model === undefined)
    throw new InvalidArgumentError('It must look like Qwen/Qwen3-8B=local/stories-1m.');
  return { ...previous, [name]: model };
}

function toPort(text: string): number {
  const port = /^\d+$/.test(text) ? Number.parseInt(text, 10) : Number.NaN;
  if (!(port <= 65_535)) throw new InvalidArgumentError('A port is a whole number from 0 to 65535.');
  return port;
}
