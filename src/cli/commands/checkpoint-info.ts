import { parseTinkerPath } from '../../core/tinker-path.ts';
import { withService } from '../connect.ts';
import type { CommandContext } from '../context.ts';
import { CommandError } from '../errors.ts';
import {
  formatBoolean,
  formatBytes,
  formatExpiry,
  formatLora,
  formatRelativeTime,
} from '../format-values.ts';
import { propertyTable, type CommandResult } from '../result.ts';
import { wholeCheckpoint } from '../whole-json.ts';

export async function showCheckpoint(context: CommandContext, path: string): Promise<CommandResult> {
  const { signal, clock } = context;
  const { training_run_id: runId } = parseTinkerPath(path);
  const { checkpoint, run } = await withService(context, async (rest) => {
    const { items } = await rest.listCheckpoints(runId, { signal });
    const checkpoint = items.find((candidate) => candidate.tinker_path === path);
    if (checkpoint === undefined) {
      throw new CommandError(
        'not_found',
        `Checkpoint not found: ${path}`,
        `See what the run has: tinker-ts checkpoint list --run-id ${runId}`,
      );
    }
    return { checkpoint, run: await rest.getTrainingRun(runId, {}, { signal }) };
  });
  const now = clock.now();
  const size = checkpoint.size_bytes ?? undefined;
  const rows: [string, string][] = [
    ['Checkpoint ID', checkpoint.checkpoint_id],
    ['Type', checkpoint.checkpoint_type],
    ['Tinker Path', checkpoint.tinker_path],
    ...(size === undefined ? [] : [['Size', formatBytes(size)] satisfies [string, string]]),
    ['Public', formatBoolean(checkpoint.public)],
    ['Created', formatRelativeTime(checkpoint.time, now)],
    ['Expires', formatExpiry(checkpoint.expires_at, now)],
    ['Training Run ID', runId],
    ['LoRA', formatLora(run)],
  ];
  return {
    json: { ...wholeCheckpoint(checkpoint), is_lora: run.is_lora, lora_rank: run.lora_rank ?? null },
    view: { table: propertyTable(`Checkpoint: ${checkpoint.checkpoint_id}`, rows) },
  };
}
