import type { StorageOptions, UsageOptions } from '../commands/billing.ts';
import type { SummaryOptions } from '../commands/billing-summary.ts';
import { examples, type Group } from './start.ts';

export const billingGroup: Group = {
  name: 'billing',
  description: 'View billing usage.',
  examples: ['billing checkpoint-storage --csv storage.csv'],
  addCommands(group, start) {
    group
      .command('usage')
      .description('Show usage by hour, with estimated costs.')
      .argument('<starting-on>', 'a full hour, UTC: 2026-07-13T00:00:00Z')
      .argument('<ending-before>', 'at most 14 days later')
      .option('--csv <file>', 'write the rows to a file; - for standard output')
      .option('--sessions-csv <file>', "write the sessions' metadata to a file; - for standard output")
      .addHelpText(
        'after',
        examples(
          'billing usage 2026-07-13T00:00:00Z 2026-07-14T00:00:00Z',
          'billing usage 2026-07-01T00:00:00Z 2026-07-14T00:00:00Z --csv usage.csv',
        ),
      )
      .action((startingOn: string, endingBefore: string, options: UsageOptions) =>
        start(
          async (context) =>
            (await import('../commands/billing.ts')).showUsage(context, startingOn, endingBefore, options),
          'list',
        ),
      );
    group
      .command('summary')
      .description('Add usage up by project, model or user, over any span of time.')
      .argument('<starting-on>', 'a full hour, UTC: 2026-07-01T00:00:00Z')
      .argument('<ending-before>', 'a full hour after it')
      .option('--by <keys>', 'project, model or user, or several of them', 'model')
      .option('--prices <file>', "JSON with prices of your own, in place of the server's estimates")
      .addHelpText(
        'after',
        examples(
          'billing summary 2026-07-01T00:00:00Z 2026-08-01T00:00:00Z',
          'billing summary 2026-07-01T00:00:00Z 2026-08-01T00:00:00Z --by project,user --prices p.json',
        ),
      )
      .action((startingOn: string, endingBefore: string, options: SummaryOptions) =>
        start(
          async (context) =>
            (await import('../commands/billing-summary.ts')).showSummary(
              context,
              startingOn,
              endingBefore,
              options,
            ),
          'list',
        ),
      );
    group
      .command('checkpoint-storage')
      .description('Show what checkpoints take up now, by project and owner.')
      .option('--project-id <id>', 'only this project')
      .option('--csv <file>', 'write the rows to a file; - for standard output')
      .addHelpText('after', examples('billing checkpoint-storage'))
      .action((options: StorageOptions) =>
        start(
          async (context) => (await import('../commands/billing.ts')).showStorage(context, options),
          'list',
        ),
      );
  },
};
