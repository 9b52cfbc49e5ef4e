import type { RestClient } from '../../client/rest-client.ts';
import { parseTinkerPath } from '../../core/tinker-path.ts';
import { confirm, isInteractive } from '../confirm.ts';
import { withService } from '../connect.ts';
import type { CommandContext } from '../context.ts';
import { InterruptedError, UsageError } from '../errors.ts';
import { exitCodes } from '../exit-codes.ts';
import { plural } from '../format-values.ts';
import { describeError } from '../render-error.ts';
import type { CommandResult } from '../result.ts';

export interface DeleteOptions {
  /** Do not ask. */
  yes?: boolean | undefined;
}

interface Failure {
  tinker_path: string;
  error: string;
}

/** As many at a time as the official program deletes. */
const concurrency = 32;

export async function deleteCheckpoints(
  context: CommandContext,
  paths: readonly string[],
  { yes = false }: DeleteOptions,
): Promise<CommandResult> {
  const targets = [...new Set(paths)];
  // Every path is read before anything is deleted.
  for (const path of targets) parseTinkerPath(path);
  if (!yes && !(await mayDelete(context, targets))) {
    return { json: { deleted_count: 0, failed: [] }, view: { lines: ['Deletion cancelled.'] } };
  }
  const failed = await withService(context, (rest) => deleteAll(context, rest, targets));
  if (failed.length > 0) {
    context.note(`Failed to delete ${plural(failed.length, 'checkpoint')}:`);
    for (const { tinker_path, error } of failed) context.note(`  - ${tinker_path}: ${error}`);
  }
  const deletedCount = targets.length - failed.length;
  return {
    json: { deleted_count: deletedCount, failed },
    view: { lines: [`Deleted ${plural(deletedCount, 'checkpoint')}`] },
    exitCode: failed.length > 0 ? exitCodes.failure : exitCodes.ok,
  };
}

async function mayDelete(context: CommandContext, targets: readonly string[]): Promise<boolean> {
  if (!isInteractive()) {
    throw new UsageError(
      'Deleting asks first, and there is no terminal to ask at.',
      `To delete without being asked, add --yes: tinker-ts checkpoint delete --yes ${targets.join(' ')}`,
    );
  }
  const what = plural(targets.length, 'checkpoint');
  process.stderr.write(
    [
      `Will delete ${what}:`,
      ...targets.map((path) => `  - ${path}`),
      '',
      'WARNING: This action is permanent and cannot be undone.',
      '',
    ].join('\n'),
  );
  return confirm(context, `Are you sure you want to delete ${what}?`);
}

/** What could not be deleted. The failure of a single target is the failure of the command, and is thrown. */
async function deleteAll(
  context: CommandContext,
  rest: RestClient,
  targets: readonly string[],
): Promise<Failure[]> {
  const { signal } = context;
  const failures = new Map<string, unknown>();
  const queue = targets.values();
  let deletedCount = 0;
  const work = async (): Promise<void> => {
    for (const path of queue) {
      try {
        await rest.deleteCheckpoint(path, { signal });
        deletedCount += 1;
      } catch (error) {
        if (signal.aborted) {
          const count = `${deletedCount} of ${plural(targets.length, 'checkpoint')}`;
          throw new InterruptedError(`Interrupted after deleting ${count}.`);
        }
        if (targets.length === 1) throw error;
        failures.set(path, error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, targets.length) }, work));
  return targets
    .filter((path) => failures.has(path))
    .map((path) => ({ tinker_path: path, error: describeError(failures.get(path)) }));
}
