import type { Checkpoint } from '../../types/checkpoints.ts';
import type { TrainingRun } from '../../types/runs.ts';
import { withService } from '../connect.ts';
import type { CommandContext } from '../context.ts';
import { formatLora, formatRelativeTime } from '../format-values.ts';
import { propertyTable, type CommandResult } from '../result.ts';
import { wholeRun } from '../whole-json.ts';

export async function showRun(context: CommandContext, runId: string): Promise<CommandResult> {
  const { signal, clock } = context;
  const run = await withService(context, (rest) => rest.getTrainingRun(runId, {}, { signal }));
  return {
    json: wholeRun(run),
    view: { table: propertyTable(`Training Run: ${run.training_run_id}`, describeRun(run, clock.now())) },
  };
}

function describeRun(run: TrainingRun, now: number): [string, string][] {
  const metadata = Object.entries(run.user_metadata ?? {});
  return [
    ['Run ID', run.training_run_id],
    ['Base Model', run.base_model],
    ['Owner', run.model_owner],
    ['LoRA', formatLora(run)],
    ['Last Update', formatRelativeTime(run.last_request_time, now)],
    ['Status', run.corrupted ? 'Failed' : 'OK'],
    ...describeCheckpoint('Last Training Checkpoint', run.last_checkpoint, now),
    ...describeCheckpoint('Last Sampler Checkpoint', run.last_sampler_checkpoint, now),
    ...(metadata.length === 0 ? [] : [['Metadata', ''] satisfies [string, string]]),
    ...metadata.map(([key, value]): [string, string] => [`  - ${key}`, value]),
  ];
}

function describeCheckpoint(
  name: string,
  checkpoint: Checkpoint | null | undefined,
  now: number,
): [string, string][] {
  if (checkpoint === null || checkpoint === undefined) return [];
  return [
    [name, checkpoint.checkpoint_id],
    ['  - Time', formatRelativeTime(checkpoint.time, now)],
    ['  - Path', checkpoint.tinker_path],
  ];
}
