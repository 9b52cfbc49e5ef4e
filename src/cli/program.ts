import { Command, Help, Option, type CommanderError } from 'commander';
import { packageVersion } from '../core/version.ts';
import { outputFormats, type OutputFormat } from './context.ts';
import { UsageError } from './errors.ts';
import { addAuditCommand } from './groups/audit-group.ts';
import { authGroup } from './groups/auth-group.ts';
import { billingGroup } from './groups/billing-group.ts';
import { checkpointGroup } from './groups/checkpoint-group.ts';
import { modelGroup } from './groups/model-group.ts';
import { runGroup } from './groups/run-group.ts';
import { addSamplingCommands } from './groups/sampling-group.ts';
import { samplerGroup } from './groups/sampler-group.ts';
import { sessionGroup } from './groups/session-group.ts';
import { examples, type Start } from './groups/start.ts';
import { addTools } from './groups/tool-group.ts';
import { outputWidth, writeDirectly } from './standard-streams.ts';

/** What may stand before and after any command. */
export interface GlobalOptions {
  format: OutputFormat;
  verbose?: boolean | undefined;
  local?: boolean | undefined;
  localDataDir: string;
}

export interface Program {
  command: Command;
  /** As far as the arguments have been read. */
  options(): GlobalOptions;
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

const groups = [authGroup, billingGroup, checkpointGroup, modelGroup, runGroup, samplerGroup, sessionGroup];

/**
 * The command tree. Parsing ends in `start`, or throws UsageError, or CommanderError after help was shown. Of a group that
 * `args` do not name, only the name is defined, because that is quicker; without `args`, and for completion, all of it is.
 */
export function createProgram(start: Start, args?: readonly string[]): Program {
  const program = new Command('tinker-ts')
    .description('Manage Tinker training runs and checkpoints, and run a local Tinker server.')
    .version(`tinker-ts ${packageVersion}`)
    .addOption(new Option('-f, --format <format>', 'output format').choices(outputFormats).default('table'))
    .addOption(new Option('--json', 'short for --format json').implies({ format: 'json' }))
    .option('--local', 'use a local server, started for this command')
    .option('--local-data-dir <dir>', 'where that server keeps its data', './tinker-data')
    .option('--verbose', 'show the cause of an error')
    .configureHelp({ showGlobalOptions: true, visibleCommands: sortedCommands, minWidthToWrap: 20 })
    .configureOutput({
      outputError: () => undefined,
      writeOut: (text) => writeDirectly('stdout', text),
      writeErr: (text) => writeDirectly('stderr', text),
      getOutHelpWidth: outputWidth,
      getOutHasColors: () => false,
    })
    .addHelpText('after', environmentHelp)
    .addHelpText('after', examples('run list', '-f json checkpoint list', 'serve --port 8080'));
  for (const group of groups) {
    const command = program
      .command(group.name)
      .description(group.description)
      .addHelpText('after', examples(...group.examples));
    if (args === undefined || args.includes(group.name) || args.includes('completion'))
      group.addCommands(command, start);
  }
  addAuditCommand(program, start);
  addSamplingCommands(program, start);
  addTools(program, start);
  throwErrors(program, 'tinker-ts');
  return { command: program, options: () => program.opts<GlobalOptions>() };
}

/** By name. Commander's own way asks the system's collation for the order, which takes 10 ms to load. */
function sortedCommands(command: Command): Command[] {
  const compare = (one: Command, other: Command): number => (one.name() < other.name() ? -1 : 1);
  return new Help().visibleCommands(command).toSorted(compare);
}

/** Makes every command throw: UsageError for a line it cannot read, CommanderError where help or the version was shown. */
function throwErrors(command: Command, path: string): void {
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
