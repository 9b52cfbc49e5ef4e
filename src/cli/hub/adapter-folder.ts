import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { CommandError } from '../errors.ts';
import { matchesPattern } from './patterns.ts';

const configName = 'adapter_config.json';
const weightsNames = ['adapter_model.safetensors', 'adapter_model.bin'];
/** Says that a download is complete; of no use to anybody else. */
const marker = 'checkpoint_complete';

type Config = Record<string, unknown>;

/** The PEFT configuration of a downloaded folder. Throws CommandError when the folder is no adapter. */
export async function readAdapterConfig(folder: string): Promise<Config> {
  const names = await readdir(folder);
  if (!names.includes(configName) || !weightsNames.some((name) => names.includes(name))) {
    throw new CommandError(
      'invalid_argument',
      'The checkpoint does not contain a PEFT adapter.',
      `It needs ${configName} and ${weightsNames.join(' or ')}. Encrypted weights (.age) cannot be uploaded.`,
    );
  }
  const config = parseObject(await readFile(path.join(folder, configName), 'utf8'));
  if (config !== undefined) return config;
  const hint = 'Save the checkpoint again, and push that.';
  throw new CommandError('corrupt_archive', `${configName} of the checkpoint is no JSON object.`, hint);
}

/** Names the base model in the configuration, where it does not say one itself. */
export async function fillBaseModel(folder: string, config: Config, baseModel: string): Promise<void> {
  if (typeof config['base_model_name_or_path'] === 'string') return;
  const filled = { ...config, base_model_name_or_path: baseModel };
  const sorted = Object.fromEntries(Object.entries(filled).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  await writeFile(path.join(folder, configName), `${JSON.stringify(sorted, null, 2)}\n`);
}

export interface FileChoice {
  /** None means all. */
  allowPatterns: readonly string[];
  ignorePatterns: readonly string[];
}

/** The files to upload, by their names with `/`, in order. */
export async function chooseFiles(
  folder: string,
  { allowPatterns, ignorePatterns }: FileChoice,
): Promise<{ name: string; path: string }[]> {
  const ignored = allowPatterns.length === 0 ? [...ignorePatterns, marker] : ignorePatterns;
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
    .map((file) => ({ name: path.relative(folder, file).replaceAll(path.sep, '/'), path: file }))
    .filter(({ name }) => allowPatterns.length === 0 || allowPatterns.some((p) => matchesPattern(name, p)))
    .filter(({ name }) => !ignored.some((pattern) => matchesPattern(name, pattern)));
  return files.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

function parseObject(text: string): Config | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}
