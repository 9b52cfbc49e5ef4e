import type { CheckpointDownload } from '../../client/downloads/checkpoint-download.ts';
import { parseTinkerPath } from '../../core/tinker-path.ts';
import type { DownloadResult, DownloadState } from '../../types/downloads.ts';
import { withService } from '../connect.ts';
import type { CommandContext } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { formatBytes, plural } from '../format-values.ts';
import { createProgressView, type ProgressTask } from '../progress-view.ts';
import { describeError, toErrorJson } from '../render-error.ts';
import { listTable, propertyTable, type CommandResult } from '../result.ts';

export interface DownloadCommandOptions {
  /** The folder in which the checkpoints' own folders appear. */
  output: string;
  force?: boolean | undefined;
}

type Outcome = { path: string; result: DownloadResult } | { path: string; error: unknown };

export async function downloadCheckpoints(
  context: CommandContext,
  paths: readonly string[],
  options: DownloadCommandOptions,
): Promise<CommandResult> {
  const targets = [...new Set(paths)];
  // Every path is read before anything is fetched.
  for (const path of targets) parseTinkerPath(path);
  const outcomes = await downloadAll(context, targets, options);
  const [first] = outcomes;
  // The failure of a single target is the failure of the command.
  if (outcomes.length === 1 && first !== undefined) {
    if ('error' in first) throw first.error;
    return { json: toJson(first), view: { table: describeOne(first.result) } };
  }
  const done = outcomes.flatMap((outcome) => ('result' in outcome ? [outcome.result] : []));
  const failed = outcomes.flatMap((outcome) => ('error' in outcome ? [outcome] : []));
  if (failed.length > 0) {
    context.note(`Failed to download ${plural(failed.length, 'checkpoint')}:`);
    for (const { path, error } of failed) context.note(`  - ${path}: ${describeError(error)}`);
  }
  return {
    json: outcomes.map(toJson),
    view: { table: describeSeveral(done) },
    exitCode: failed.length > 0 ? exitCodes.failure : exitCodes.ok,
  };
}

async function downloadAll(
  context: CommandContext,
  targets: readonly string[],
  { output, force = false }: DownloadCommandOptions,
): Promise<Outcome[]> {
  const { signal } = context;
  return withService(context, async (_rest, service) => {
    using view = createProgressView(context);
    const download = async (path: string): Promise<Outcome> => {
      const task = view.task(path, 'bytes');
      const handle = service.downloads.download(path, { outputDir: output, force, signal });
      follow(handle, task);
      try {
        return { path, result: await handle };
      } catch (error) {
        return { path, error };
      }
    };
    const outcomes = await Promise.all(targets.map(download));
    signal.throwIfAborted();
    return outcomes;
  });
}

/** What a person is told of a state; the others pass too quickly to be read. */
const phases: Partial<Record<DownloadState, string>> = {
  pending: 'waiting for the archive',
  transferring: 'downloading',
  extracting: 'extracting',
  backingOff: 'waiting to try again',
  cancelling: 'cancelling',
  done: 'done',
  failed: 'failed',
  cancelled: 'cancelled',
};

function follow(handle: CheckpointDownload, task: ProgressTask): void {
  handle.on('state.changed', ({ state }) => {
    const phase = phases[state];
    if (phase !== undefined) task.update({ phase, totalCount: undefined, ratePerSecond: undefined });
  });
  handle.on('progress.updated', ({ receivedBytes, totalBytes, ratePerSecond }) =>
    task.update({ count: receivedBytes, totalCount: totalBytes, ratePerSecond }),
  );
}

function toJson(outcome: Outcome): object {
  if ('error' in outcome) return { checkpoint_path: outcome.path, error: toErrorJson(outcome.error) };
  const { destination, size_bytes } = outcome.result;
  return { checkpoint_path: outcome.path, destination, file_size_bytes: size_bytes };
}

function describeOne({ tinker_path, destination, size_bytes }: DownloadResult) {
  return propertyTable(`Checkpoint Download: ${tinker_path}`, [
    ['Checkpoint Path', tinker_path],
    ...(size_bytes > 0 ? [['Total Size', formatBytes(size_bytes)] satisfies [string, string]] : []),
    ['Downloaded to', destination],
  ]);
}

function describeSeveral(results: readonly DownloadResult[]) {
  const title =
    results.length === 0 ? 'No checkpoints downloaded' : `${plural(results.length, 'checkpoint')} downloaded`;
  return listTable<DownloadResult>(
    title,
    [
      { header: 'Checkpoint Path', cell: ({ tinker_path }) => tinker_path },
      { header: 'Total Size', cell: ({ size_bytes }) => formatBytes(size_bytes) },
      { header: 'Downloaded to', cell: ({ destination }) => destination },
    ],
    results,
  );
}
