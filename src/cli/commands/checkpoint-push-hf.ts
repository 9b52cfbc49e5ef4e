import { access, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { RestClient } from '../../client/rest-client.ts';
import { parseTinkerPath, type TinkerPath } from '../../core/tinker-path.ts';
import type { WeightsInfoResponse } from '../../types/weights.ts';
import { withService } from '../connect.ts';
import type { CommandContext } from '../context.ts';
import { CommandError, UsageError } from '../errors.ts';
import { formatBoolean } from '../format-values.ts';
import { chooseFiles, fillBaseModel, readAdapterConfig } from '../hub/adapter-folder.ts';
import { openHub, type Hub } from '../hub/hub.ts';
import { findTinkerPath, toModelCard } from '../hub/model-card.ts';
import { checkRepo, deriveTarget } from '../hub/repo-name.ts';
import { propertyTable, type CommandResult } from '../result.ts';

export interface PushOptions {
  repo?: string | undefined;
  public?: boolean | undefined;
  revision?: string | undefined;
  commitMessage?: string | undefined;
  createPr?: boolean | undefined;
  allowPattern: readonly string[];
  ignorePattern: readonly string[];
  /** False with `--no-model-card`. */
  modelCard: boolean;
}

interface Target {
  /** With its owner. */
  repo: string;
  revision: string | undefined;
}

/** Downloads a checkpoint into a folder that goes again, makes an adapter's repository of it, and uploads that in one commit. */
export async function pushToHub(
  context: CommandContext,
  tinkerPath: string,
  options: PushOptions,
): Promise<CommandResult> {
  const parsed = parseTinkerPath(tinkerPath);
  if (parsed.checkpoint_type === 'sampler') {
    throw new UsageError(
      `Sampler checkpoints cannot be pushed: ${tinkerPath}`,
      'Give a training checkpoint (tinker://run-id/weights/name) or external weights.',
    );
  }
  if (options.repo !== undefined) checkRepo(options.repo);
  // Whether it may be uploaded at all is known before anything large is fetched.
  const hub = await openHub(context);
  const user = await hub.whoAmI();
  await using cleanup = new AsyncDisposableStack();
  const temporary = await mkdtemp(path.join(tmpdir(), 'tinker-push-'));
  cleanup.defer(() => rm(temporary, { recursive: true, force: true }));
  const { signal } = context;
  // Awaited, so that the folder is there until then.
  return await withService(context, async (rest, service) => {
    context.note(`Downloading ${tinkerPath}`);
    const download = service.downloads.download(tinkerPath, { outputDir: temporary, signal });
    const { destination: folder } = await download;
    const target = await prepare(context, rest, { folder, parsed, tinkerPath, user, options });
    const pushed = await push(context, hub, { folder, target, tinkerPath, options });
    return toResult(tinkerPath, target, options, pushed);
  });
}

interface Preparation {
  folder: string;
  parsed: TinkerPath;
  tinkerPath: string;
  user: string;
  options: PushOptions;
}

/** Makes a PEFT repository of the downloaded folder, and says where it goes. */
async function prepare(
  context: CommandContext,
  rest: RestClient,
  { folder, parsed, tinkerPath, user, options }: Preparation,
): Promise<Target> {
  const config = await readAdapterConfig(folder);
  const weights = await readWeightsInfo(context, rest, tinkerPath);
  const named = config['base_model_name_or_path'];
  const baseModel = weights?.base_model ?? (typeof named === 'string' ? named : undefined);
  await fillBaseModel(folder, config, baseModel ?? 'unknown');
  const derived = deriveTarget(parsed, baseModel);
  const repo = options.repo ?? derived.name;
  const target = {
    repo: repo.includes('/') ? repo : `${user}/${repo}`,
    revision: options.revision ?? (options.repo === undefined ? derived.revision : undefined),
  };
  const readme = path.join(folder, 'README.md');
  const hasReadme = await access(readme).then(
    () => true,
    () => false,
  );
  if (options.modelCard && !hasReadme) {
    await writeFile(readme, toModelCard({ tinkerPath, repo: target.repo, baseModel, weights }));
  }
  return target;
}

/** What is only nice to know: without it the base model stays unknown. */
async function readWeightsInfo(
  { signal, note }: CommandContext,
  rest: RestClient,
  tinkerPath: string,
): Promise<WeightsInfoResponse | undefined> {
  try {
    return await rest.getWeightsInfo(tinkerPath, { signal });
  } catch {
    signal.throwIfAborted();
    note(`The server tells nothing of ${tinkerPath}; the model card will say less.`);
    return undefined;
  }
}

interface Push {
  folder: string;
  target: Target;
  tinkerPath: string;
  options: PushOptions;
}

async function push(
  { note }: CommandContext,
  hub: Hub,
  { folder, target: { repo, revision }, tinkerPath, options }: Push,
) {
  const { allowPattern: allowPatterns, ignorePattern: ignorePatterns } = options;
  const files = await chooseFiles(folder, { allowPatterns, ignorePatterns });
  if (files.length === 0) {
    throw new UsageError('No file is left to upload.', 'Check --allow-pattern and --ignore-pattern.');
  }
  await hub.createRepo(repo, options.public === true ? 'public' : 'private');
  const readme = await hub.readText(repo, 'README.md', revision);
  const found = readme === undefined ? undefined : findTinkerPath(readme);
  if (found !== undefined && found !== tinkerPath) {
    throw new CommandError(
      'conflict',
      `${repo} holds another Tinker checkpoint: found ${found}, expected ${tinkerPath}.`,
      'Choose another --repo or --revision.',
    );
  }
  const isBranch = revision !== undefined && revision !== 'main' && !revision.startsWith('refs/');
  if (isBranch) await hub.createBranch(repo, revision);
  note(`Uploading ${files.length} files to ${repo}`);
  return hub.upload({
    repo,
    revision,
    files,
    createPr: options.createPr ?? false,
    title: options.commitMessage ?? 'Upload a LoRA adapter trained with Tinker',
  });
}

function toResult(
  tinkerPath: string,
  { repo, revision }: Target,
  options: PushOptions,
  { commitUrl, pullRequestUrl }: Awaited<ReturnType<Hub['upload']>>,
): CommandResult {
  const isPublic = options.public ?? false;
  const json = {
    checkpoint_path: tinkerPath,
    repo_id: repo,
    ...(revision === undefined ? {} : { revision }),
    public: isPublic,
    ...(commitUrl === undefined ? {} : { commit_url: commitUrl }),
    ...(pullRequestUrl === undefined ? {} : { pull_request_url: pullRequestUrl }),
  };
  const rows: [string, string][] = [
    ['Checkpoint Path', tinkerPath],
    ['Repo ID', repo],
    ...(revision === undefined ? [] : [['Revision', revision] satisfies [string, string]]),
    ['Public', formatBoolean(isPublic)],
    ...(pullRequestUrl === undefined ? [] : [['Pull Request', pullRequestUrl] satisfies [string, string]]),
  ];
  return { json, view: { table: propertyTable(`Checkpoint Hub Upload: ${tinkerPath}`, rows) } };
}
