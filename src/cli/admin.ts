import type { AdminClient } from '../client/admin-client.ts';
import { withService } from './connect.ts';
import type { CommandContext } from './context.ts';
import { tellOfWait } from './waiting.ts';

/** Asks what only administrators may; the person is told of a long wait for `what`. */
export async function askAdmin<Value>(
  context: CommandContext,
  what: string,
  work: (admin: AdminClient) => Promise<Value>,
): Promise<Value> {
  using _wait = tellOfWait(context, what);
  return await withService(context, async (_, service) => {
    await using admin = await service.createAdminClient({ signal: context.signal });
    return await work(admin);
  });
}
