import type { Command } from 'commander';
import { examples, type Start } from './start.ts';

export function addModelGroup(program: Command, start: Start): void {
  const group = program
    .command('model')
    .description('List available models.')
    .addHelpText('after', examples('model list'));
  group
    .command('list')
    .description('List the models that the server offers.')
    .argument('[substring]', 'only names that contain this, in any case')
    .addHelpText('after', examples('model list', 'model list qwen'))
    .action((substring: string | undefined) =>
      start(async (context) => (await import('../commands/model-list.ts')).listModels(context, substring)),
    );
}
