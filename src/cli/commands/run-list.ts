import type { TrainingRun } from '../../types/runs.ts';
import { withService } from '../connect.ts';
import type { CommandContext } from '../context.ts';
import { UsageError } from '../errors.ts';
import { formatRelativeTime } from '../format-values.ts';
import { listTitle, pageSize } from '../list-pages.ts';
import { printList } from '../print-list.ts';
import type { ListColumn } from '../result.ts';
import { wholeRun } from '../whole-json.ts';

export interface RunListOptions {
  limit: number;
  /** Keys, separated by commas. */
  columns?: string | undefined;
}

const defaultColumns = 'id,model,lora,updated,status';
const allColumns = 'id,model,owner,lora,updated,status,checkpoint,checkpoint_time';
/** What the official program asks for at once. */
const largestPage = 100;

export async function listRuns(context: CommandContext, { limit, columns }: RunListOptions): Promise<void> {
  const keys = columns || (context.format === 'csv' ? allColumns : defaultColumns);
  const chosen = chooseColumns(keys, context.clock.now());
  await withService(context, (rest) =>
    printList(context, {
      pages: rest.listTrainingRuns({ limit: pageSize(limit, largestPage) }, { signal: context.signal }),
      limit,
      nouns: 'training runs',
      columns: chosen,
      title: (shownCount, totalCount) => listTitle('training run', shownCount, totalCount),
      toJson: wholeRun,
      toDocument: (runs) => ({ runs: runs.map(wholeRun) }),
    }),
  );
}

function chooseColumns(keys: string, now: number): ListColumn<TrainingRun>[] {
  const known = runColumns(now);
  return keys.split(',').map((text) => {
    const key = text.trim();
    const column = known.get(key);
    if (column !== undefined) return column;
    throw new UsageError(`Unknown column '${key}'.`, `Available: ${[...known.keys()].join(', ')}`);
  });
}

function runColumns(now: number): Map<string, ListColumn<TrainingRun>> {
  const ago = (time: string | undefined): string => formatRelativeTime(time, now);
  return new Map<string, ListColumn<TrainingRun>>([
    ['id', { header: 'Run ID', field: 'training_run_id', value: (run) => run.training_run_id }],
    ['model', { header: 'Base Model', field: 'base_model', value: (run) => run.base_model }],
    ['owner', { header: 'Owner', field: 'model_owner', value: (run) => run.model_owner }],
    ['lora', { header: 'LoRA', field: 'lora_rank', value: (run) => run.lora_rank, cell: formatLoraRank }],
    [
      'updated',
      {
        header: 'Last Update',
        field: 'last_request_time',
        value: (run) => run.last_request_time,
        cell: (run) => ago(run.last_request_time),
      },
    ],
    [
      'status',
      {
        header: 'Status',
        field: 'corrupted',
        value: (run) => run.corrupted,
        cell: (run) => (run.corrupted ? 'Failed' : 'OK'),
      },
    ],
    [
      'checkpoint',
      {
        header: 'Last Checkpoint',
        field: 'last_checkpoint',
        value: (run) => run.last_checkpoint?.tinker_path,
        cell: (run) => run.last_checkpoint?.checkpoint_id ?? 'None',
      },
    ],
    [
      'checkpoint_time',
      {
        header: 'Checkpoint Time',
        field: 'last_checkpoint_time',
        value: (run) => run.last_checkpoint?.time,
        cell: (run) => ago(run.last_checkpoint?.time),
      },
    ],
  ]);
}

function formatLoraRank({ is_lora, lora_rank }: TrainingRun): string {
  if (!is_lora) return 'No';
  return lora_rank === null || lora_rank === undefined ? 'Yes' : `Rank ${lora_rank}`;
}
