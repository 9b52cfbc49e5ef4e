import { readStoredKey } from '../../core/stored-credentials.ts';
import { withService } from '../connect.ts';
import type { CommandContext } from '../context.ts';
import { exitCodes, toExitCode } from '../exit-codes.ts';
import { describeError, toErrorJson } from '../render-error.ts';
import type { CommandResult } from '../result.ts';

/** Whether there is a key, and whether the server takes it: one request without retries. */
export async function showStatus(context: CommandContext): Promise<CommandResult> {
  if (!(await hasCredentials(context))) {
    context.note("No Tinker credentials are available. Run 'tinker-ts auth login' or set TINKER_API_KEY.");
    return toResult({ available: false });
  }
  try {
    const { signal } = context;
    await withService(context, (rest) => rest.getServerCapabilities({ signal, retry: false }));
    return toResult({ available: true });
  } catch (error) {
    if (context.signal.aborted) throw error;
    context.note(`Error: ${describeError(error)}`);
    return toResult({ available: true, error });
  }
}

async function hasCredentials({ environment, local }: CommandContext): Promise<boolean> {
  if (local !== undefined || environment.apiKey !== undefined || environment.credentialCommand !== undefined)
    return true;
  return (await readStoredKey(environment.credentialsFile)) !== undefined;
}

function toResult({ available, error }: { available: boolean; error?: unknown }): CommandResult {
  const accessible = available && error === undefined;
  const answer = (yes: boolean): string => (yes ? 'yes' : 'no');
  return {
    json: {
      credentials_available: available,
      tinker_accessible: accessible,
      ...(error === undefined ? {} : { error: toErrorJson(error) }),
    },
    view: {
      lines: [
        `Credentials available: ${answer(available)}`,
        ...(available ? [`Tinker accessible: ${answer(accessible)}`] : []),
      ],
    },
    exitCode: accessible ? exitCodes.ok : error === undefined ? exitCodes.authentication : toExitCode(error),
  };
}
