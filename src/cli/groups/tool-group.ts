import { Argument, InvalidArgumentError, type Command } from 'commander';
import type { ServeOptions } from '../commands/serve.ts';
import { examples, type Start } from './start.ts';

export function addTools(program: Command, start: Start): void {
  program
    .command('serve')
    .description('Run a local Tinker server that really trains, until Ctrl-C.')
    .option('--port <port>', 'port to listen on; 0 takes a free one', toPort, 8080)
    .option('--host <host>', 'address to listen on', '127.0.0.1')
    .option('--data-dir <dir>', 'where runs and checkpoints are kept', './tinker-data')
    .option('--api-key <key>', 'what clients must send as their key; any key will do without it')
    .option('--alias <name=model>', 'another name for a local model; may be repeated', toAliases, {})
    .addHelpText(
      'after',
      examples('serve', 'serve --port 0 --data-dir ./data --alias Qwen/Qwen3-8B=local/stories-1m'),
    )
    .action((options: ServeOptions) =>
      start(async (context) => (await import('../commands/serve.ts')).serve(context, options)),
    );
  program
    .command('doctor')
    .description('Check versions, configuration, the server and its clock.')
    .addHelpText('after', examples('doctor', 'doctor --local'))
    .action(() => start(async (context) => (await import('../commands/doctor.ts')).diagnose(context)));
  program
    .command('config')
    .description('Show the settings that hold, and where each comes from; secrets are masked.')
    .addHelpText('after', examples('config', 'config --json'))
    .action(() =>
      start(async (context) => (await import('../commands/config.ts')).showConfig(context), 'list'),
    );
  program
    .command('completion')
    .description('Print a script that completes commands in your shell.')
    .addArgument(new Argument('<shell>', 'which shell').choices(['bash', 'zsh', 'fish']))
    .addHelpText(
      'after',
      examples(
        'completion bash >> ~/.bashrc',
        'completion zsh > "${fpath[1]}/_tinker-ts"',
        'completion fish > ~/.config/fish/completions/tinker-ts.fish',
      ),
    )
    .action((shell: 'bash' | 'zsh' | 'fish') =>
      start(async () => (await import('../commands/completion.ts')).showCompletion(program, shell)),
    );
  program
    .command('version')
    .description('Show the version.')
    .addHelpText('after', examples('version'))
    .action(() => start(async () => (await import('../commands/version.ts')).showVersion()));
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
