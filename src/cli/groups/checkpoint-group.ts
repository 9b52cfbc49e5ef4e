import type { CopyOptions } from '../commands/checkpoint-copy.ts';
import type { DeleteOptions } from '../commands/checkpoint-delete.ts';
import type { DownloadCommandOptions } from '../commands/checkpoint-download.ts';
import type { CheckpointListOptions } from '../commands/checkpoint-list.ts';
import type { PruneOptions } from '../commands/checkpoint-prune.ts';
import type { PushOptions } from '../commands/checkpoint-push-hf.ts';
import type { CheckpointSearchOptions } from '../commands/checkpoint-search.ts';
import type { TtlOptions } from '../commands/checkpoint-access.ts';
import { collect, examples, limitOption, pathHelp, toCount, toInteger, type Group } from './start.ts';

const filters = {
  type: ['--type <kind>', 'only weights, sampler_weights or external_weights; with --run-id'],
  before: ['--before <date>', 'only those made before this date (ISO 8601, UTC); with --run-id'],
  after: ['--after <date>', 'only those made after this date; with --run-id'],
} as const;
const exitZero = ['--exit-zero', 'end with 0 even when some could not be deleted'] as const;

export const checkpointGroup: Group = {
  name: 'checkpoint',
  description: 'Manage checkpoints.',
  examples: ['checkpoint list', 'checkpoint info tinker://my-run:train:0/weights/final'],
  addCommands(group, start) {
    group
      .command('list')
      .description('List checkpoints, newest first.')
      .option('--run-id <id>', 'only those of this run, and all of them')
      .addOption(limitOption())
      .addHelpText('after', examples('checkpoint list', 'checkpoint list --run-id my-run:train:0'))
      .action((options: CheckpointListOptions) =>
        start(
          async (context) =>
            (await import('../commands/checkpoint-list.ts')).listCheckpoints(context, options),
          'list',
        ),
      );
    group
      .command('search')
      .description('Find checkpoints of all your runs by name, kind, model, metadata or date.')
      .option('--name <text>', 'what the id contains, in any case')
      .option('--type <kind>', 'only weights, sampler_weights or external_weights')
      .option('--base-model <model>', 'of a run on this model; may be repeated', collect, [])
      .option('--metadata <key=value>', 'a pair of its metadata; may be repeated', collect, [])
      .option('--before <date>', 'only those made before this date (ISO 8601, UTC)')
      .option('--after <date>', 'only those made after this date')
      .addOption(limitOption())
      .addHelpText(
        'after',
        examples(
          'checkpoint search --name final --type sampler_weights',
          'checkpoint search --base-model Qwen/Qwen3-8B --after 2026-06-01 --limit 0 -f csv',
        ),
      )
      .action((options: CheckpointSearchOptions) =>
        start(
          async (context) =>
            (await import('../commands/checkpoint-search.ts')).searchCheckpoints(context, options),
          'list',
        ),
      );
    group
      .command('copy')
      .description('Copy a checkpoint into a project, as a run of its own that cannot be trained.')
      .argument('<path>', pathHelp)
      .option('--project-id <id>', 'the project; TINKER_PROJECT_ID by default')
      .option('--ttl <seconds>', 'the copy may be deleted so many seconds from now', toInteger)
      .option('--token-file <file>', 'credential of another account, which can read the weights')
      .addHelpText(
        'after',
        examples('checkpoint copy tinker://my-run:train:0/weights/final --project-id evals'),
      )
      .action((path: string, options: CopyOptions) =>
        start(async (context) =>
          (await import('../commands/checkpoint-copy.ts')).copyCheckpoint(context, path, options),
        ),
      );
    group
      .command('info')
      .description('Show one checkpoint.')
      .argument('<path>', pathHelp)
      .addHelpText('after', examples('checkpoint info tinker://my-run:train:0/weights/final'))
      .action((path: string) =>
        start(async (context) =>
          (await import('../commands/checkpoint-info.ts')).showCheckpoint(context, path),
        ),
      );
    group
      .command('download')
      .description('Download checkpoints, each into a folder of its own.')
      .argument('[paths...]', pathHelp)
      .option('-o, --output <dir>', 'folder in which those folders appear', '.')
      .option('--force', 'replace what is there, once the download is complete')
      .option('--run-id <id>', 'those of this run')
      .option('--type <kind>', 'only weights, sampler_weights or external_weights')
      .option('--since <date>', 'only those made after this date (ISO 8601, UTC)')
      .option('--latest', 'only the newest of them')
      .option('--concurrency <count>', 'how many at once', toCount, 4)
      .option('--identity <file>', 'age identity file to decrypt an encrypted export with')
      .option('-y, --yes', 'do not ask before a training session is started for it')
      .addHelpText(
        'after',
        examples(
          'checkpoint download tinker://my-run:train:0/weights/final -o ./models',
          'checkpoint download --run-id my-run:train:0 --type sampler_weights --latest',
        ),
      )
      .action((paths: string[], options: DownloadCommandOptions) =>
        start(async (context) =>
          (await import('../commands/checkpoint-download.ts')).downloadCheckpoints(context, paths, options),
        ),
      );
    group
      .command('verify')
      .description('Compare downloaded folders with the manifests beside them.')
      .argument('<folders...>', 'what `checkpoint download` made')
      .addHelpText('after', examples('checkpoint verify ./models/*'))
      .action((folders: string[]) =>
        start(async (context) =>
          (await import('../commands/checkpoint-verify.ts')).verifyFolders(context, folders),
        ),
      );
    group
      .command('push-hf')
      .description('Upload a checkpoint to the Hugging Face Hub as a PEFT adapter.')
      .argument('<path>', 'tinker://run-id/weights/name, or external_weights')
      .option('-r, --repo <id>', 'owner/name; derived from base model and run by default')
      .option('--public', 'make the repository public; private by default')
      .option('--revision <name>', 'branch to upload to; made if it is missing')
      .option('--commit-message <text>', 'what the commit says')
      .option('--create-pr', 'open a pull request instead of writing to the branch')
      .option('--allow-pattern <pattern>', 'upload only files like this; may be repeated', collect, [])
      .option('--ignore-pattern <pattern>', 'leave out files like this; may be repeated', collect, [])
      .option('--no-model-card', 'write no README.md where there is none')
      .addHelpText(
        'after',
        examples(
          'checkpoint push-hf tinker://my-run:train:0/weights/final',
          'checkpoint push-hf tinker://my-run:train:0/weights/final --repo me/my-adapter --public',
        ),
      )
      .action((path: string, options: PushOptions) =>
        start(async (context) =>
          (await import('../commands/checkpoint-push-hf.ts')).pushToHub(context, path, options),
        ),
      );
    group
      .command('publish')
      .description('Make a checkpoint public: whoever knows its path can use it.')
      .argument('<path>', pathHelp)
      .addHelpText('after', examples('checkpoint publish tinker://my-run:train:0/weights/final'))
      .action((path: string) =>
        start(async (context) =>
          (await import('../commands/checkpoint-access.ts')).publishCheckpoint(context, path),
        ),
      );
    group
      .command('unpublish')
      .description('Make a public checkpoint private again.')
      .argument('<path>', pathHelp)
      .addHelpText('after', examples('checkpoint unpublish tinker://my-run:train:0/weights/final'))
      .action((path: string) =>
        start(async (context) =>
          (await import('../commands/checkpoint-access.ts')).unpublishCheckpoint(context, path),
        ),
      );
    group
      .command('set-ttl')
      .description('Set when a checkpoint may be deleted, or that it is kept.')
      .argument('<path>', pathHelp)
      .option('--ttl <seconds>', 'delete it so many seconds from now', toInteger)
      .option('--remove', 'keep it')
      .addHelpText(
        'after',
        examples(
          'checkpoint set-ttl tinker://my-run:train:0/weights/final --ttl 86400',
          'checkpoint set-ttl tinker://my-run:train:0/weights/final --remove',
        ),
      )
      .action((path: string, options: TtlOptions) =>
        start(async (context) =>
          (await import('../commands/checkpoint-access.ts')).setTtl(context, path, options),
        ),
      );
    group
      .command('delete')
      .description('Delete checkpoints for good. Asks first.')
      .argument('[paths...]', pathHelp)
      .option('--run-id <id>', 'those of this run')
      .option(...filters.type)
      .option(...filters.before)
      .option(...filters.after)
      .option('-y, --yes', 'do not ask')
      .option(...exitZero)
      .addHelpText(
        'after',
        examples(
          'checkpoint delete tinker://my-run:train:0/weights/0001',
          'checkpoint delete --run-id my-run:train:0 --type weights --before 2026-06-01',
        ),
      )
      .action((paths: string[], options: DeleteOptions) =>
        start(async (context) =>
          (await import('../commands/checkpoint-delete.ts')).deleteCheckpoints(context, paths, options),
        ),
      );
    group
      .command('prune')
      .description('Delete checkpoints of a run but those that are to be kept. Asks first.')
      .requiredOption('--run-id <id>', 'the run')
      .option('--keep, --keep-last <count>', 'keep so many of each kind, the newest', toCount)
      .option('--keep-every <step>', 'keep those whose name ends in a multiple of it', toCount)
      .option(...filters.type)
      .option('--dry-run', 'only show what would be deleted')
      .option('-y, --yes', 'do not ask')
      .option(...exitZero)
      .addHelpText(
        'after',
        examples(
          'checkpoint prune --run-id my-run:train:0 --keep-last 3 --dry-run',
          'checkpoint prune --run-id my-run:train:0 --keep-last 3 --keep-every 1000',
        ),
      )
      .action((options: PruneOptions) =>
        start(async (context) =>
          (await import('../commands/checkpoint-prune.ts')).pruneCheckpoints(context, options),
        ),
      );
  },
};
