import { readFile } from 'node:fs/promises';
import { parseTinkerPath } from '../../core/tinker-path.ts';
import { withService } from '../connect.ts';
import type { CommandContext } from '../context.ts';
import { fileOperationError, UsageError } from '../errors.ts';
import type { CommandResult } from '../result.ts';

export interface CopyOptions {
  projectId?: string | undefined;
  ttl?: number | undefined;
  tokenFile?: string | undefined;
}

/** The path of the copy is all that is printed, so that a shell can put it into a variable. */
export async function copyCheckpoint(
  context: CommandContext,
  path: string,
  { projectId, ttl, tokenFile }: CopyOptions,
): Promise<CommandResult> {
  const { signal, environment } = context;
  parseTinkerPath(path);
  if (projectId === undefined && environment.projectId === undefined) {
    throw new UsageError(
      'A copy needs a project to go to.',
      'Give --project-id, or set TINKER_PROJECT_ID: tinker-ts checkpoint copy <path> --project-id evals',
    );
  }
  const input = {
    destination_project_id: projectId,
    ttl_seconds: ttl,
    weights_access_token: tokenFile === undefined ? undefined : await readToken(tokenFile),
  };
  const { tinker_path } = await withService(context, (rest) => rest.copyWeights(path, input, { signal }));
  return { json: { source_path: path, tinker_path }, view: { lines: [tinker_path] } };
}

/** A secret on a command line is there for everyone to see, so it comes from a file. */
async function readToken(file: string): Promise<string> {
  const token = await readFile(file, 'utf8').catch((error: unknown) => {
    throw fileOperationError(`read ${file}`, error);
  });
  if (token.trim() !== '') return token.trim();
  throw new UsageError(
    `${file} is empty.`,
    'It must hold the credential of an account that can read the weights.',
  );
}
