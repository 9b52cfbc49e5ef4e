import type { TrainingRun } from '../../types/runs.ts';
import { collectItems, listTitle, pageSize } from '../collect-items.ts';
import { withService } from '../connect.ts';
import type { CommandContext } from '../context.ts';
import { UsageError } from '../errors.ts';
import { fetchProgress } from '../fetch-progress.ts';
import { formatRelativeTime } from '../format-values.ts';
import { listTable, type Column, type CommandResult } from '../result.ts';
import { wholeRun } from '../whole-json.ts';

export interface RunListOptions {
  limit: number;
  /** Keys, separated by commas. */
  columns?: string | undefined;
}

const defaultColumns = 'id,model,lora,updated,status';
/** What the official program asks for at once. */
const largestPage = 100;

export async function listRuns(
  context: CommandContext,
  { limit, columns }: RunListOptions,
): Promise<CommandResult> {
  const chosen = chooseColumns(columns || defaultColumns, context.clock.now());
  return withService(context, async (rest) => {
    using progress = fetchProgress(context, 'training runs', limit);
    const { items, totalCount } = await collectItems(
      rest.listTrainingRuns({ limit: pageSize(limit, largestPage) }, { signal: context.signal }),
      limit,
      progress.update,
    );
    const title = listTitle('training run', items.length, totalCount);
    return { json: { runs: items.map(wholeRun) }, view: { table: listTable(title, chosen, items) } };
  });
}

function chooseColumns(keys: string, now: number): Column<TrainingRun>[] {
  const known = runColumns(now);
  return keys.split(',').map((text) => {
    const key = text.trim();
    const column = known.get(key);
    if (column !== undefined) return column;
    throw new UsageError(`Unknown column '${key}'.`, `Available: ${[...known.keys()].join(', ')}`);
  });
}

function runColumns(now: number): Map<string, Column<TrainingRun>> {
  return new Map([
    ['id', { header: 'Run ID', cell: (run) => run.training_run_id }],
    ['model', { header: 'Base Model', cell: (run) => run.base_model }],
    ['owner', { header: 'Owner', cell: (run) => run.model_owner }],
    ['lora', { header: 'LoRA', cell: formatLoraRank }],
    ['updated', { header: 'Last Update', cell: (run) => formatRelativeTime(run.last_request_time, now) }],
    ['status', { header: 'Status', cell: (run) => (run.corrupted ? 'Failed' : 'OK') }],
    [
      'checkpoint',
      { header: 'Last Checkpoint', cell: (run) => run.last_checkpoint?.checkpoint_id ?? 'None' },
    ],
    [
      'checkpoint_time',
      { header: 'Checkpoint Time', cell: (run) => formatRelativeTime(run.last_checkpoint?.time, now) },
    ],
  ]);
}

function formatLoraRank({ is_lora, lora_rank }: TrainingRun): string {
  if (!is_lora) return 'No';
  return lora_rank === null || lora_rank === undefined ? 'Yes' : `Rank ${lora_rank}`;
}
