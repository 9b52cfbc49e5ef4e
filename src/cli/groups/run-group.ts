import type { RunListOptions } from '../commands/run-list.ts';
import { examples, limitOption, type Group } from './start.ts';

export const runGroup: Group = {
  name: 'run',
  description: 'Manage training runs.',
  examples: ['run list --limit 0'],
  addCommands(group, start) {
    group
      .command('list')
      .description('List training runs, newest first.')
      .addOption(limitOption())
      .option(
        '-c, --columns <keys>',
        'what to show, of: id, model, owner, lora, updated, status, checkpoint, checkpoint_time',
      )
      .addHelpText('after', examples('run list', 'run list --limit 0 --columns id,model,checkpoint'))
      .action((options: RunListOptions) =>
        start(
          async (context) => (await import('../commands/run-list.ts')).listRuns(context, options),
          'list',
        ),
      );
    group
      .command('info')
      .description('Show one training run.')
      .argument('<run>', 'id of the run')
      .addHelpText('after', examples('run info 0f2c9c36-5b0e-4b3a-9d5e-0a4f3c1d2e7b:train:0'))
      .action((runId: string) =>
        start(async (context) => (await import('../commands/run-info.ts')).showRun(context, runId)),
      );
  },
};
