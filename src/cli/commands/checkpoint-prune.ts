import type { Checkpoint } from '../../types/checkpoints.ts';
import { withService } from '../connect.ts';
import type { CommandContext } from '../context.ts';
import { deleteTargets, describeTargets, mayDelete, nothingDeleted } from '../deletion.ts';
import { plural } from '../format-values.ts';
import type { CommandResult } from '../result.ts';
import { toSelection } from '../select-checkpoints.ts';

export interface PruneOptions {
  runId: string;
  /** How many of each kind stay. */
  keep: number;
  type?: string | undefined;
  dryRun?: boolean | undefined;
  yes?: boolean | undefined;
}

/** Deletes all but the newest `keep` checkpoints of each kind. What is public stays: others may rely on it. */
export async function pruneCheckpoints(
  context: CommandContext,
  options: PruneOptions,
): Promise<CommandResult> {
  const { runId, keep, type, dryRun = false, yes = false } = options;
  const selects = toSelection({ type });
  return withService(context, async (rest) => {
    const { items } = await rest.listCheckpoints(runId, { signal: context.signal });
    const targets = toSurplus(items.filter(selects), keep);
    if (targets.length === 0) {
      const line = `Nothing to prune: ${runId} has no more than ${keep} private checkpoints of a kind`;
      return { json: { deleted_count: 0, failed: [] }, view: { lines: [line] } };
    }
    if (dryRun) {
      const lines = [`Would delete ${plural(targets.length, 'checkpoint')}:`];
      return {
        json: { would_delete: targets },
        view: { lines: [...lines, ...describeTargets(targets, context.clock.now())] },
      };
    }
    const withYes = `tinker-ts checkpoint prune --yes --run-id ${runId} --keep ${keep}${type === undefined ? '' : ` --type ${type}`}`;
    if (!yes && !(await mayDelete(context, targets, withYes))) return nothingDeleted;
    return deleteTargets(context, rest, targets);
  });
}

function toSurplus(checkpoints: readonly Checkpoint[], keep: number): Checkpoint[] {
  const newestFirst = checkpoints.toSorted((a, b) => Date.parse(b.time) - Date.parse(a.time));
  const byType = Map.groupBy(newestFirst, ({ checkpoint_type }) => checkpoint_type);
  return [...byType.values()]
    .flatMap((ofType) => ofType.slice(keep))
    .filter((checkpoint) => !checkpoint.public);
}
