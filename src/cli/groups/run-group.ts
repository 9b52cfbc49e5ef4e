import type { RunListOptions } from '../commands/run-list.ts';
import type { WatchOptions } from '../commands/run-watch.ts';
import { examples, limitOption, toCount, type Group } from './start.ts';

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
    group
      .command('watch')
      .description('Tell of new checkpoints of a run, and when it fails, until Ctrl-C.')
      .argument('<run>', 'id of the run')
      .option('--interval <seconds>', 'how long between two looks', toCount, 10)
      .option('--until-idle <seconds>', 'end once there was no request for so long', toCount)
      .addHelpText(
        'after',
        examples(
          'run watch 0f2c9c36-5b0e-4b3a-9d5e-0a4f3c1d2e7b:train:0',
          'run watch 0f2c9c36-5b0e-4b3a-9d5e-0a4f3c1d2e7b:train:0 --until-idle 600',
        ),
      )
      .action((runId: string, options: WatchOptions) =>
        start(async (context) =>
          (await import('../commands/run-watch.ts')).watchRun(context, runId, options),
        ),
      );
  },
};
