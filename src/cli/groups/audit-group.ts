import { Option, type Command } from 'commander';
import type { AuditOptions } from '../commands/audit.ts';
import { examples, type Start } from './start.ts';

export function addAuditCommand(program: Command, start: Start): void {
  program
    .command('audit')
    .description('Show what happened in the organization on one day.')
    .option('--day <date>', 'a day in UTC, 2026-07-13; today by default')
    .addOption(
      new Option('--type <type>', 'what the events are about')
        .choices(['all', 'checkpoints', 'projects', 'teams', 'organizations'])
        .default('all'),
    )
    .addHelpText('after', examples('audit', 'audit --day 2026-07-13 --type checkpoints'))
    .action((options: AuditOptions) =>
      start(async (context) => (await import('../commands/audit.ts')).showAudit(context, options), 'list'),
    );
}
