import { hostname } from 'node:os';
import { consoleUrls } from '../../core/console-urls.ts';
import { readStoredCredentials, writeStoredCredentials } from '../../core/stored-credentials.ts';
import { messageOf } from '../../core/thrown.ts';
import { withService } from '../connect.ts';
import type { CommandContext } from '../context.ts';
import { CommandError } from '../errors.ts';
import { readSecret } from '../read-secret.ts';
import type { CommandResult } from '../result.ts';
import { toLink } from '../link.ts';

/** Checks the key with the server before it is stored, and leaves the other keys of the file alone. */
export async function login(context: CommandContext): Promise<CommandResult> {
  const { credentialsFile } = context.environment;
  const stored = await readStoredCredentials(credentialsFile);
  if (stored?.default != null) {
    throw new CommandError(
      'conflict',
      'Already logged in.',
      "Run 'tinker-ts auth logout' before logging in again.",
    );
  }
  const page = consoleUrls.newApiKey(`tinker-cli-${hostname()}`);
  context.note(`Create an API Key: ${toLink(page, process.stderr)}\n`);
  const key = await readSecret(context, 'Paste your API key: ');
  if (key === '') {
    throw new CommandError(
      'missing_api_key',
      'The API key must not be empty.',
      'Run the command again and paste it.',
    );
  }
  const { key_id, name, note, details } = await check(context, key);
  const id = String(key_id);
  await writeStoredCredentials(credentialsFile, {
    ...stored,
    version: 1,
    default: id,
    keys: { ...stored?.keys, [id]: { type: 'manual', key, name, note, details } },
  });
  const who = `${details.user_details.email} (${details.org_details.name})`;
  return {
    json: { key_id, name, details },
    view: { lines: [`Logged in as ${who}. Stored API key '${name}' as the default credential.`] },
  };
}

async function check(context: CommandContext, key: string) {
  try {
    return await withService(context, (rest) => rest.getSelfApiKey({ signal: context.signal }), {
      apiKey: key,
    });
  } catch (error) {
    if (context.signal.aborted) throw error;
    const reason = messageOf(error);
    throw new CommandError(
      'authentication',
      'Could not validate the API key.',
      `Nothing was stored. The server said: ${reason}`,
      error,
    );
  }
}
