import { examples, type Group } from './start.ts';

export const modelGroup: Group = {
  name: 'model',
  description: 'List available models.',
  examples: ['model list'],
  addCommands(group, start) {
    group
      .command('list')
      .description('List the models that the server offers.')
      .argument('[substring]', 'only names that contain this, in any case')
      .addHelpText('after', examples('model list', 'model list qwen'))
      .action((substring: string | undefined) =>
        start(
          async (context) => (await import('../commands/model-list.ts')).listModels(context, substring),
          'list',
        ),
      );
  },
};
