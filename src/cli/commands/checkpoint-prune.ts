import type { Checkpoint } from '../../types/checkpoints.ts';
import { withService } from '../connect.ts';
import type { CommandContext } from '../context.ts';
import { deleteTargets, describeTargets, mayDelete, nothingDeleted } from '../deletion.ts';
import { UsageError } from '../errors.ts';
import { plural } from '../format-values.ts';
import type { CommandResult } from '../result.ts';
import { toSelection } from '../select-checkpoints.ts';
import { toShellLine } from '../shell-line.ts';

export interface PruneOptions {
  runId: string;
  /** How many of each kind stay, the newest. */
  keepLast?: number | undefined;
  /** Those stay too whose name ends in a multiple of it. */
  keepEvery?: number | undefined;
  type?: string | undefined;
  dryRun?: boolean | undefined;
  yes?: boolean | undefined;
  exitZero?: boolean | undefined;
}

/** Deletes what neither `keepLast` nor `keepEvery` keeps. What is public stays: others may rely on it. */
export async function pruneCheckpoints(
  context: CommandContext,
  options: PruneOptions,
): Promise<CommandResult> {
  const { runId, keepLast, keepEvery, type, dryRun = false, yes = false } = options;
  if (keepLast === undefined && keepEvery === undefined) {
    throw new UsageError(
      'Say what to keep: --keep-last <count>, --keep-every <step>, or both.',
      'For example: tinker-ts checkpoint prune --run-id my-run:train:0 --keep-last 3 --dry-run',
    );
  }
  const selects = toSelection({ type });
  return withService(context, async (rest) => {
    const { items } = await rest.listCheckpoints(runId, { signal: context.signal });
    const targets = toSurplus(items.filter(selects), options);
    if (targets.length === 0) {
      const line = `Nothing to prune: all private checkpoints of ${runId} are to be kept`;
      return { json: { deleted_count: 0, failed: [] }, view: { lines: [line] } };
    }
    if (dryRun) {
      const lines = [`Would delete ${plural(targets.length, 'checkpoint')}:`];
      return {
        json: { would_delete: targets },
        view: { lines: [...lines, ...describeTargets(targets, context.clock.now())] },
      };
    }
    const withYes = toShellLine(['tinker-ts', ...context.args, '--yes']);
    if (!yes && !(await mayDelete(context, targets, withYes))) return nothingDeleted;
    return deleteTargets(context, rest, targets, options);
  });
}

function toSurplus(
  checkpoints: readonly Checkpoint[],
  { keepLast = 0, keepEvery }: PruneOptions,
): Checkpoint[] {
  const newestFirst = checkpoints.toSorted((a, b) => Date.parse(b.time) - Date.parse(a.time));
  const byType = Map.groupBy(newestFirst, ({ checkpoint_type }) => checkpoint_type);
  return [...byType.values()]
    .flatMap((ofType) => ofType.slice(keepLast))
    .filter(
      (checkpoint) => !checkpoint.public && !(keepEvery !== undefined && isMultiple(checkpoint, keepEvery)),
    );
}

/** By the number in the name and not by position, so that pruning again and again keeps the same ones. */
function isMultiple({ checkpoint_id }: Checkpoint, step: number): boolean {
  const [digits] = /\d+$/.exec(checkpoint_id) ?? [];
  return digits !== undefined && BigInt(digits) % BigInt(step) === 0n;
}
