import type { RestClient } from '../client/rest-client.ts';
import { confirm, isInteractive } from './confirm.ts';
import type { CommandContext } from './context.ts';
import { InterruptedError, UsageError } from './errors.ts';
import { exitCodes } from './exit-codes.ts';
import { formatBytes, formatRelativeTime, plural } from './format-values.ts';
import { describeError } from './render-error.ts';
import type { CommandResult } from './result.ts';

/** What is to be deleted; what is known of it is shown before. */
export interface DeletionTarget {
  tinker_path: string;
  size_bytes?: number | null | undefined;
  time?: string | undefined;
}

interface Failure {
  tinker_path: string;
  error: string;
}

/** As many at a time as the official program deletes. */
const concurrency = 32;

/**
 * Asks on standard error whether to delete. Throws UsageError where there is nobody to ask; `withYes` is what to type
 * instead.
 */
export async function mayDelete(
  context: CommandContext,
  targets: readonly DeletionTarget[],
  withYes: string,
): Promise<boolean> {
  if (!isInteractive()) {
    throw new UsageError(
      'Deleting asks first, and there is no terminal to ask at.',
      `To delete without being asked, add --yes: ${withYes}`,
    );
  }
  const what = plural(targets.length, 'checkpoint');
  const lines = [`Will delete ${what}:`, ...describeTargets(targets, context.clock.now()), ''];
  process.stderr.write([...lines, 'WARNING: This action is permanent and cannot be undone.', ''].join('\n'));
  return confirm(context, `Are you sure you want to delete ${what}?`, withYes);
}

export const nothingDeleted: CommandResult = {
  json: { deleted_count: 0, failed: [] },
  view: { lines: ['Deletion cancelled.'] },
};

/** One line for each, and their size together where it is known. */
export function describeTargets(targets: readonly DeletionTarget[], now: number): string[] {
  const lines = targets.map(({ tinker_path, size_bytes, time }) => {
    const facts =
      time === undefined ? '' : ` (${formatBytes(size_bytes)}, created ${formatRelativeTime(time, now)})`;
    return `  - ${tinker_path}${facts}`;
  });
  if (targets.every(({ time }) => time === undefined)) return lines;
  const total = targets.reduce((sum, { size_bytes }) => sum + (size_bytes ?? 0), 0);
  return [...lines, '', `Total size: ${formatBytes(total)}`];
}

/** Deletes them and reports; one that fails leaves the others alone. With `exitZero` no failure counts. */
export async function deleteTargets(
  context: CommandContext,
  rest: RestClient,
  targets: readonly DeletionTarget[],
  { exitZero = false }: { exitZero?: boolean | undefined },
): Promise<CommandResult> {
  const paths = targets.map(({ tinker_path }) => tinker_path);
  const failed = await deleteAll(context, rest, paths, exitZero);
  if (failed.length > 0) {
    context.note(`Failed to delete ${plural(failed.length, 'checkpoint')}:`);
    for (const { tinker_path, error } of failed) context.note(`  - ${tinker_path}: ${error}`);
  }
  const deletedCount = paths.length - failed.length;
  return {
    json: { deleted_count: deletedCount, failed },
    view: { lines: [`Deleted ${plural(deletedCount, 'checkpoint')}`] },
    exitCode: failed.length > 0 && !exitZero ? exitCodes.failure : exitCodes.ok,
  };
}

/** What could not be deleted. The failure of a single target is the failure of the command, and is thrown if it counts. */
async function deleteAll(
  { signal }: CommandContext,
  rest: RestClient,
  paths: readonly string[],
  exitZero: boolean,
): Promise<Failure[]> {
  const failures = new Map<string, unknown>();
  const queue = paths.values();
  let deletedCount = 0;
  const work = async (): Promise<void> => {
    for (const path of queue) {
      try {
        await rest.deleteCheckpoint(path, { signal });
        deletedCount += 1;
      } catch (error) {
        if (signal.aborted) {
          const count = `${deletedCount} of ${plural(paths.length, 'checkpoint')}`;
          throw new InterruptedError(`Interrupted after deleting ${count}.`);
        }
        if (paths.length === 1 && !exitZero) throw error;
        failures.set(path, error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, paths.length) }, work));
  return paths
    .filter((path) => failures.has(path))
    .map((path) => ({ tinker_path: path, error: describeError(failures.get(path)) }));
}
