import type { RestClient } from '../../client/rest-client.ts';
import { InvalidArgumentError } from '../../core/errors.ts';
import { withService } from '../connect.ts';
import type { CommandContext } from '../context.ts';
import { propertyTable, type CommandResult } from '../result.ts';

interface Identity {
  user_urn: string | null;
  org_urn: string | null;
  email: string | null;
}

export async function whoami(context: CommandContext): Promise<CommandResult> {
  const identity = await withService(context, (rest) => readIdentity(context, rest));
  return {
    json: identity,
    view: {
      table: propertyTable('', [
        ['Email', identity.email ?? 'N/A'],
        ['User', identity.user_urn ?? 'N/A'],
        ['Organization', identity.org_urn ?? 'N/A'],
      ]),
    },
  };
}

/** By the token; from a server that exchanges none, what it knows of the key itself. */
async function readIdentity({ signal }: CommandContext, rest: RestClient): Promise<Identity> {
  try {
    return await rest.whoami({ signal });
  } catch (error) {
    if (!(error instanceof InvalidArgumentError)) throw error;
    const { details } = await rest.getSelfApiKey({ signal });
    return { user_urn: null, org_urn: null, email: details.user_details.email };
  }
}
