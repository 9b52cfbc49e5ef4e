import type { ExportTraceOptions } from '../commands/session-trace.ts';
import type { SessionListOptions, SessionSearchOptions } from '../commands/session-list.ts';
import { collect, examples, limitOption, type Group } from './start.ts';

const idHelp = 'id of the session';

export const sessionGroup: Group = {
  name: 'session',
  description: 'Manage sessions.',
  examples: ['session list', 'session search --name ablation'],
  addCommands(group, start) {
    group
      .command('list')
      .description('List the ids of sessions, newest first.')
      .addOption(limitOption())
      .addHelpText('after', examples('session list --limit 5'))
      .action((options: SessionListOptions) =>
        start(
          async (context) => (await import('../commands/session-list.ts')).listSessions(context, options),
          'list',
        ),
      );
    group
      .command('search')
      .description('Find sessions by name, metadata or project.')
      .option('--name <words>', 'words of the display name')
      .option('--metadata <key=value>', 'a pair of its metadata; may be repeated', collect, [])
      .option('--project-id <id>', 'a project; may be repeated', collect, [])
      .addOption(limitOption())
      .addHelpText(
        'after',
        examples('session search --name ablation', 'session search --metadata team=evals'),
      )
      .action((options: SessionSearchOptions) =>
        start(
          async (context) => (await import('../commands/session-list.ts')).searchSessions(context, options),
          'list',
        ),
      );
    group
      .command('info')
      .description('Show one session: its runs, samplers and metadata.')
      .argument('<session>', idHelp)
      .addHelpText('after', examples('session info 0f2c9c36-5b0e-4b3a-9d5e-0a4f3c1d2e7b'))
      .action((id: string) =>
        start(async (context) => (await import('../commands/session-info.ts')).showSession(context, id)),
      );
    group
      .command('assign-project')
      .description('Move a session into a project.')
      .argument('<session>', idHelp)
      .argument('<project>', 'id of the project')
      .addHelpText('after', examples('session assign-project 0f2c9c36-5b0e-4b3a-9d5e-0a4f3c1d2e7b evals'))
      .action((id: string, projectId: string) =>
        start(async (context) =>
          (await import('../commands/session-info.ts')).assignProject(context, id, projectId),
        ),
      );
    group
      .command('export-trace')
      .description("Download a Perfetto trace of a session's requests.")
      .argument('<session>', idHelp)
      .option('-o, --output <file>', 'where to save it; <session>.pftrace by default')
      .option('--url-only', 'only print the signed link, good for about an hour')
      .addHelpText(
        'after',
        examples(
          'session export-trace 0f2c9c36-5b0e-4b3a-9d5e-0a4f3c1d2e7b',
          'session export-trace 0f2c9c36-5b0e-4b3a-9d5e-0a4f3c1d2e7b -o slow.pftrace',
        ),
      )
      .action((id: string, options: ExportTraceOptions) =>
        start(async (context) =>
          (await import('../commands/session-trace.ts')).exportTrace(context, id, options),
        ),
      );
  },
};
