import type { RestClient } from '../../client/rest-client.ts';
import { parseTinkerPath } from '../../core/tinker-path.ts';
import { withService } from '../connect.ts';
import type { CommandContext } from '../context.ts';
import { deleteTargets, mayDelete, nothingDeleted, type DeletionTarget } from '../deletion.ts';
import { UsageError } from '../errors.ts';
import type { CommandResult } from '../result.ts';
import { toSelection, type CheckpointFilters } from '../select-checkpoints.ts';

export interface DeleteOptions extends CheckpointFilters {
  runId?: string | undefined;
  /** Do not ask. */
  yes?: boolean | undefined;
  /** End with 0 even when some could not be deleted. */
  exitZero?: boolean | undefined;
}

export async function deleteCheckpoints(
  context: CommandContext,
  paths: readonly string[],
  options: DeleteOptions,
): Promise<CommandResult> {
  const { runId, yes = false } = options;
  checkChoice(paths, options);
  // Everything that was typed is read before anything is asked of the server.
  for (const path of paths) parseTinkerPath(path);
  const selects = toSelection(options);
  const given = [...new Set(paths)].map((tinker_path): DeletionTarget => ({ tinker_path }));
  if (runId === undefined && !yes && !(await mayDelete(context, given, toCommand(paths, options)))) {
    return nothingDeleted;
  }
  return withService(context, async (rest) => {
    if (runId === undefined) return deleteTargets(context, rest, given, options);
    const { items } = await rest.listCheckpoints(runId, { signal: context.signal });
    return deleteSelected(context, rest, items.filter(selects), options);
  });
}

async function deleteSelected(
  context: CommandContext,
  rest: RestClient,
  targets: readonly DeletionTarget[],
  options: DeleteOptions,
): Promise<CommandResult> {
  if (targets.length === 0) {
    const line = `No checkpoints found for run ${options.runId} matching filters`;
    return { json: { deleted_count: 0, failed: [] }, view: { lines: [line] } };
  }
  if (options.yes !== true && !(await mayDelete(context, targets, toCommand([], options))))
    return nothingDeleted;
  return deleteTargets(context, rest, targets, options);
}

function checkChoice(paths: readonly string[], { runId, type, before, after }: DeleteOptions): void {
  if (paths.length === 0 && runId === undefined) {
    throw new UsageError(
      'Give the paths of checkpoints, or --run-id.',
      "Try 'tinker-ts checkpoint delete --help' for examples.",
    );
  }
  if (paths.length > 0 && runId !== undefined) {
    throw new UsageError(
      'Give either paths or --run-id, not both.',
      'With --run-id, choose by --type, --before and --after.',
    );
  }
  if (runId === undefined && [type, before, after].some((filter) => filter !== undefined)) {
    throw new UsageError(
      '--type, --before and --after need --run-id.',
      'For example: tinker-ts checkpoint delete --run-id my-run:train:0 --type weights --before 2026-06-01',
    );
  }
}

/** What the person would type to be asked nothing. */
function toCommand(
  paths: readonly string[],
  { runId, type, before, after, exitZero = false }: DeleteOptions,
): string {
  const options = Object.entries({ 'run-id': runId, type, before, after });
  const typed = options.flatMap(([name, value]) => (value === undefined ? [] : [`--${name} ${value}`]));
  const program = `tinker-ts checkpoint delete --yes${exitZero ? ' --exit-zero' : ''}`;
  return [program, ...typed, ...paths].join(' ');
}
