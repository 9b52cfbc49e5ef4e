import { examples, type Group } from './start.ts';

export const samplerGroup: Group = {
  name: 'sampler',
  description: 'Show samplers.',
  examples: ['sampler info 0f2c9c36-5b0e-4b3a-9d5e-0a4f3c1d2e7b:sample:0'],
  addCommands(group, start) {
    group
      .command('info')
      .description('Show one sampler: its base model, and the checkpoint that it was made from.')
      .argument('<sampler>', 'id of the sampler, as `session info` shows it')
      .addHelpText('after', examples('sampler info 0f2c9c36-5b0e-4b3a-9d5e-0a4f3c1d2e7b:sample:0'))
      .action((id: string) =>
        start(async (context) => (await import('../commands/sampler-info.ts')).showSampler(context, id)),
      );
  },
};
