import { consoleUrls } from '../../core/console-urls.ts';
import { readStoredCredentials, writeStoredCredentials } from '../../core/stored-credentials.ts';
import { withService } from '../connect.ts';
import type { CommandContext } from '../context.ts';
import { CommandError } from '../errors.ts';
import { toLink } from '../link.ts';
import type { CommandResult } from '../result.ts';

/** Removes the default key from the file. One that an older program generated is revoked on the server too. */
export async function logout(context: CommandContext): Promise<CommandResult> {
  const { credentialsFile } = context.environment;
  const stored = await readStoredCredentials(credentialsFile);
  const id = stored?.default;
  const record = id == null ? undefined : stored?.keys[id];
  if (stored === undefined || id == null || record === undefined) {
    throw new CommandError(
      'missing_api_key',
      'No default credential is stored.',
      "There is nothing to log out from. Run 'tinker-ts auth login' to log in.",
    );
  }
  const { default: _, keys, ...rest } = stored;
  const others = Object.fromEntries(Object.entries(keys).filter(([keyId]) => keyId !== id));
  await writeStoredCredentials(credentialsFile, { ...rest, keys: others });
  const name = record.name ?? id;
  if (record.type === 'generated') {
    await revoke(context, id, record.key);
    const line = `Removed credential '${name}' and deleted its API key on the server.`;
    return { json: { name, revoked: true }, view: { lines: [line] } };
  }
  return {
    json: { name, revoked: false },
    view: {
      lines: [
        `Removed credential '${name}'. The API key is still active.`,
        `Delete the API key here: ${toLink(consoleUrls.apiKey(id), process.stdout)}`,
      ],
    },
  };
}

async function revoke(context: CommandContext, id: string, key: string): Promise<void> {
  try {
    await withService(context, (rest) => rest.revokeSelfApiKey({ signal: context.signal }), { apiKey: key });
  } catch (error) {
    throw new CommandError(
      'internal',
      'The local credential is removed, but the API key could not be deleted on the server.',
      `Delete it here: ${consoleUrls.apiKey(id)}`,
      error,
    );
  }
}
