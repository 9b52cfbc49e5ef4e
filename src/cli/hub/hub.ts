import { readFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import type { ErrorCode } from '../../core/error-codes.ts';
import { Secret } from '../../core/secret.ts';
import type { CommandContext } from '../context.ts';
import { CommandError } from '../errors.ts';

export interface Upload {
  repo: string;
  /** A branch; the default one without it. */
  revision?: string | undefined;
  title: string;
  createPr: boolean;
  files: readonly { name: string; path: string }[];
}

/** What an upload asks of a model hub. Failures are CommandErrors, which show neither the token nor signed links. */
export interface Hub {
  /** The name of the user that the token belongs to. */
  whoAmI: () => Promise<string>;
  /** One that exists is left as it is. */
  createRepo: (repo: string, visibility: 'public' | 'private') => Promise<void>;
  createBranch: (repo: string, branch: string) => Promise<void>;
  /** Undefined when there is no such file, or no such revision. */
  readText: (repo: string, file: string, revision: string | undefined) => Promise<string | undefined>;
  /** Everything in one commit. */
  upload: (
    upload: Upload,
  ) => Promise<{ commitUrl?: string | undefined; pullRequestUrl?: string | undefined }>;
}

const login = "Set HF_TOKEN to a token that may write, or run 'hf auth login'.";

/** The hub of the environment, with its token. Throws CommandError when there is none. */
export async function openHub({ environment, signal }: CommandContext): Promise<Hub> {
  const token = environment.hubToken ?? (await readToken(environment.hubTokenFiles));
  if (token === undefined) {
    throw new CommandError('missing_api_key', 'Not logged in to the Hugging Face Hub.', login);
  }
  if (!token.reveal().startsWith('hf_')) {
    throw new CommandError('invalid_api_key', 'The Hugging Face token does not begin with hf_.', login);
  }
  const library = await import('@huggingface/hub');
  const connection = {
    accessToken: token.reveal(),
    hubUrl: environment.hubEndpoint?.replace(/\/+$/, '') ?? library.HUB_URL,
    fetch: interruptible(signal),
  };
  const failed = (status: number): ((error: unknown) => boolean) => {
    return (error) => error instanceof library.HubApiError && error.statusCode === status;
  };
  const ask = async <Value>(what: string, request: Promise<Value>): Promise<Value> => {
    try {
      return await request;
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof library.HubApiError) throw toCommandError(what, error);
      throw unreachable(what, error);
    }
  };
  return {
    whoAmI: async () => (await ask('see who the token belongs to', library.whoAmI(connection))).name,
    async createRepo(repo, visibility) {
      const created = library.createRepo({ ...connection, repo, visibility });
      await ask(`create ${repo}`, created.catch(unless(failed(409))));
    },
    async createBranch(repo, branch) {
      const created = library.createBranch({ ...connection, repo, branch });
      await ask(`create the branch ${branch} of ${repo}`, created.catch(unless(failed(409))));
    },
    async readText(repo, file, revision) {
      const found = library.downloadFile({ ...connection, repo, path: file, ...(revision && { revision }) });
      const blob = await ask(`read ${file} of ${repo}`, found.catch(unless(failed(404))));
      return blob?.text();
    },
    async upload({ repo, revision, title, createPr, files }) {
      const uploaded = library.uploadFiles({
        ...connection,
        repo,
        ...(revision && { branch: revision }),
        commitTitle: title,
        isPullRequest: createPr,
        abortSignal: signal,
        files: files.map(({ name, path }) => ({ path: name, content: pathToFileURL(path) })),
      });
      const output = await ask(`upload to ${repo}`, uploaded);
      return { commitUrl: output?.commit.url, pullRequestUrl: output?.pullRequestUrl };
    },
  };
}

async function readToken(files: readonly string[]): Promise<Secret | undefined> {
  for (const file of files) {
    const text = (await readFile(file, 'utf8').catch(() => '')).trim();
    if (text !== '') return new Secret(text);
  }
  return undefined;
}

/** Most calls of the library take no signal of their own. */
function interruptible(signal: AbortSignal): typeof globalThis.fetch {
  return (input, init) => {
    const own = init?.signal ?? undefined;
    // oxlint-disable-next-line no-restricted-globals -- requests of the library, which are none of the API's
    return fetch(input, { ...init, signal: own === undefined ? signal : AbortSignal.any([signal, own]) });
  };
}

/** Swallows the failures that mean that there is nothing to do. */
function unless(isFine: (error: unknown) => boolean): (error: unknown) => undefined {
  return (error) => {
    if (!isFine(error)) throw error;
    return undefined;
  };
}

const codes: Partial<Record<number, ErrorCode>> = {
  401: 'authentication',
  403: 'permission_denied',
  404: 'not_found',
  409: 'conflict',
  429: 'rate_limited',
};

/** The library's own message ends with the address, which may be a signed one. */
function toCommandError(
  what: string,
  { statusCode, data }: { statusCode: number; data?: Record<string, unknown> | undefined },
): CommandError {
  const word = [data?.['error'], data?.['message']].find((text) => typeof text === 'string');
  const message = `Could not ${what}: the hub answered ${statusCode}${word === undefined ? '' : ` (${word.slice(0, 300)})`}`;
  const code = codes[statusCode] ?? (statusCode >= 500 ? 'server_error' : 'bad_request');
  const isAccess = statusCode === 401 || statusCode === 403;
  return new CommandError(
    code,
    message,
    isAccess ? login : 'Check --repo and --revision, or try again later.',
  );
}

function unreachable(what: string, error: unknown): CommandError {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const reason = cause instanceof Error ? cause.message : String(cause);
  const hint = 'Check the connection, and HF_ENDPOINT where it is set.';
  return new CommandError('connection', `Could not ${what}: ${reason}`, hint, error);
}
