import type { RestClient } from '../../client/rest-client.ts';
import type { ServiceClient } from '../../client/service-client.ts';
import { parseTinkerPath } from '../../core/tinker-path.ts';
import type { BatchItem, DownloadAllOptions, DownloadResult } from '../../types/downloads.ts';
import { withService } from '../connect.ts';
import { confirm, isInteractive } from '../confirm.ts';
import { isJson, type CommandContext } from '../context.ts';
import { showDownloads } from '../download-view.ts';
import { CommandError, InterruptedError, UsageError } from '../errors.ts';
import { exitCodes } from '../exit-codes.ts';
import { formatBytes, plural } from '../format-values.ts';
import { describeError, toErrorJson } from '../render-error.ts';
import { readIdentities } from '../read-identities.ts';
import { listTable, propertyTable, type CommandResult } from '../result.ts';
import { toSelection } from '../select-checkpoints.ts';
import { toShellLine } from '../shell-line.ts';

export interface DownloadCommandOptions {
  /** The folder in which the checkpoints' own folders appear. */
  output: string;
  force?: boolean | undefined;
  runId?: string | undefined;
  type?: string | undefined;
  since?: string | undefined;
  latest?: boolean | undefined;
  concurrency: number;
  /** Do not ask before training sessions are started. */
  yes?: boolean | undefined;
  /** An age identity file. */
  identity?: string | undefined;
}

/** With the keys in place of their file. */
interface ReadOptions extends Omit<DownloadCommandOptions, 'identity'> {
  identity: readonly string[] | undefined;
}

export async function downloadCheckpoints(
  context: CommandContext,
  paths: readonly string[],
  options: DownloadCommandOptions,
): Promise<CommandResult> {
  checkChoice(paths, options);
  // Every path is read before anything is fetched.
  for (const path of paths) parseTinkerPath(path);
  toSelection({ type: options.type, after: options.since });
  const identity = options.identity === undefined ? undefined : await readIdentities(options.identity);
  const { signal } = context;
  const run = async (rest: RestClient, service: ServiceClient): Promise<CommandResult> => {
    const targets = options.runId === undefined ? [...new Set(paths)] : await select(rest, options, signal);
    if (!(await maySession(context, targets, options))) return cancelled;
    const [first] = targets;
    // Of a run it is a list, however many there happen to be.
    const isOne = options.runId === undefined ? targets.length === 1 : options.latest === true;
    return first !== undefined && isOne
      ? downloadOne(context, service, first, { ...options, identity })
      : downloadSeveral(context, service, targets, { ...options, identity });
  };
  try {
    return await withService(context, run, { downloadConcurrency: options.concurrency });
  } catch (error) {
    if (!signal.aborted) throw error;
    const line = toShellLine(['tinker-ts', ...context.args]);
    throw new InterruptedError(undefined, `What came is kept. To go on: ${line}`);
  }
}

const cancelled: CommandResult = { json: [], view: { lines: ['Download cancelled.'] } };

/**
 * A training state is exported by a training session on its base model: a person is asked before. Scripts are not, as the
 * official program never asks.
 */
async function maySession(
  context: CommandContext,
  targets: readonly string[],
  { yes = false }: DownloadCommandOptions,
): Promise<boolean> {
  const states = targets.filter((path) => parseTinkerPath(path).checkpoint_type === 'training');
  if (yes || states.length === 0 || isJson(context.format) || !isInteractive()) return true;
  const what =
    states.length === 1
      ? 'Downloading a training checkpoint starts a training session on its base model.'
      : `Downloading ${states.length} training checkpoints starts a training session for each.`;
  return confirm(context, `${what} Go on?`, toShellLine(['tinker-ts', ...context.args, '--yes']));
}

function checkChoice(paths: readonly string[], { runId, type, since, latest }: DownloadCommandOptions): void {
  if (paths.length === 0 && runId === undefined) {
    throw new UsageError(
      'Give the paths of checkpoints, or --run-id.',
      "Try 'tinker-ts checkpoint download --help' for examples.",
    );
  }
  if (
    paths.length > 0 &&
    runId === undefined &&
    [type, since, latest].some((choice) => choice !== undefined)
  ) {
    throw new UsageError(
      '--type, --since and --latest need --run-id.',
      'For example: tinker-ts checkpoint download --run-id my-run:train:0 --type sampler_weights --latest',
    );
  }
  if (paths.length > 0 && runId !== undefined) {
    throw new UsageError(
      'Give either paths or --run-id, not both.',
      'With --run-id, choose by --type, --since and --latest.',
    );
  }
}

async function select(
  rest: RestClient,
  { runId = '', type, since, latest = false }: DownloadCommandOptions,
  signal: AbortSignal,
): Promise<string[]> {
  const { items } = await rest.listCheckpoints(runId, { signal });
  const newestFirst = items
    .filter(toSelection({ type, after: since }))
    .toSorted((a, b) => Date.parse(b.time) - Date.parse(a.time));
  if (newestFirst.length === 0) {
    throw new CommandError(
      'not_found',
      `No checkpoints found for run ${runId} matching filters`,
      `See what the run has: tinker-ts checkpoint list --run-id ${runId}`,
    );
  }
  return (latest ? newestFirst.slice(0, 1) : newestFirst).map(({ tinker_path }) => tinker_path);
}

/** The failure of a single target is the failure of the command. */
async function downloadOne(
  context: CommandContext,
  service: ServiceClient,
  path: string,
  { output, force = false, identity, runId }: ReadOptions,
): Promise<CommandResult> {
  using _view = showDownloads(context, service.downloads, 1);
  const { signal } = context;
  const choices = { outputDir: output, force, identity, signal };
  const result = await (runId === undefined
    ? service.downloads.download(path, choices)
    : downloadUnlessIntact(service, path, choices));
  return {
    json: toJson({ tinker_path: path, status: 'done', result }),
    view: { table: describeOne(result) },
  };
}

/** The newest of a run may be there from the last time. */
async function downloadUnlessIntact(
  { downloads }: ServiceClient,
  path: string,
  choices: DownloadAllOptions,
): Promise<DownloadResult> {
  const [item] = await downloads.downloadAll([path], choices);
  choices.signal?.throwIfAborted();
  if (item?.status === 'done') return item.result;
  throw item?.status === 'failed' ? item.error : new InterruptedError();
}

/** What is there already and intact is not fetched again. */
async function downloadSeveral(
  context: CommandContext,
  service: ServiceClient,
  targets: readonly string[],
  { output, force = false, concurrency, identity }: ReadOptions,
): Promise<CommandResult> {
  const { signal } = context;
  const items = await downloadAll();
  const done = items.flatMap((item) => (item.status === 'done' ? [item.result] : []));
  const failed = items.flatMap((item) => (item.status === 'failed' ? [item] : []));
  if (failed.length > 0) {
    context.note(`Failed to download ${plural(failed.length, 'checkpoint')}:`);
    for (const { tinker_path, error } of failed) context.note(`  - ${tinker_path}: ${describeError(error)}`);
  }
  return {
    json: items.map(toJson),
    view: { table: describeSeveral(done) },
    exitCode: failed.length > 0 ? exitCodes.failure : exitCodes.ok,
  };

  async function downloadAll(): Promise<BatchItem[]> {
    using _view = showDownloads(context, service.downloads, targets.length);
    const settled = await service.downloads.downloadAll([...targets], {
      outputDir: output,
      force,
      concurrency,
      identity,
      signal,
    });
    signal.throwIfAborted();
    return settled;
  }
}

function toJson(item: BatchItem): object {
  if (item.status === 'failed') return { checkpoint_path: item.tinker_path, error: toErrorJson(item.error) };
  if (item.status === 'cancelled') return { checkpoint_path: item.tinker_path };
  const { destination, size_bytes } = item.result;
  return { checkpoint_path: item.tinker_path, destination, file_size_bytes: size_bytes };
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
