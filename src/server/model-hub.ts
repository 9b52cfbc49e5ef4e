import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { resolveAlias, type Aliases } from './aliases.ts';
import { HttpError } from './errors.ts';

export interface HubFile {
  content: Buffer;
  etag: string;
  /** 40 hex digits, as a hub's commit; another when a file of the model changes. */
  commit: string;
}

/** Names that stay in the folder they are put in. */
const safeName = /^[A-Za-z0-9_-][A-Za-z0-9_.-]*$/;

/** The files of the base models, as a model hub would give them to tokenizer libraries (wire-protocol 7.5). */
export class ModelHub {
  readonly #modelsDirectory: string;
  readonly #aliases: Aliases;

  constructor(modelsDirectory: string, aliases: Aliases) {
    this.#modelsDirectory = modelsDirectory;
    this.#aliases = aliases;
  }

  /** A file of `<organization>/<name>`; 404 with the hub's own error code if there is none. */
  async read(organization: string, name: string, file: string): Promise<HubFile> {
    const model = `${organization}/${name}`;
    const directory = join(this.#modelsDirectory, resolveAlias(this.#aliases, model));
    const names = safeName.test(organization) && safeName.test(name) ? await listFiles(directory) : [];
    if (names.length === 0)
      throw new HttpError(404, `Unknown model ${model}`, { 'x-error-code': 'RepoNotFound' });
    const commit = await toCommit(directory, names);
    if (!names.includes(file)) {
      throw new HttpError(404, `${model} has no file ${file}`, {
        'x-error-code': 'EntryNotFound',
        'x-repo-commit': commit,
      });
    }
    const content = await readFile(join(directory, file));
    return { content, etag: `"${createHash('sha256').update(content).digest('hex')}"`, commit };
  }
}

async function listFiles(directory: string): Promise<string[]> {
  try {
    const entries = await readdir(directory, { withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map((entry) => entry.name);
  } catch {
    return [];
  }
}

async function toCommit(directory: string, names: readonly string[]): Promise<string> {
  const hash = createHash('sha1');
  for (const name of [...names].sort()) {
    const { size, mtimeMs } = await stat(join(directory, name));
    hash.update(`${name} ${size} ${mtimeMs}\n`);
  }
  return hash.digest('hex');
}
