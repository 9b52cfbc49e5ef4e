import { withService } from '../connect.ts';
import type { CommandContext } from '../context.ts';
import { propertyTable, type CommandResult } from '../result.ts';

export async function showSession(context: CommandContext, id: string): Promise<CommandResult> {
  const session = await withService(context, (rest) => rest.getSession(id, {}, { signal: context.signal }));
  const metadata = Object.entries(session.user_metadata ?? {});
  const rows: [string, string][] = [
    ['Session ID', id],
    ...(session.display_name == null ? [] : [['Name', session.display_name] satisfies [string, string]]),
    ['Training Runs', String(session.training_run_ids.length)],
    ...session.training_run_ids.map((runId): [string, string] => ['  - Run', runId]),
    ['Samplers', String(session.sampler_ids.length)],
    ...session.sampler_ids.map((samplerId): [string, string] => ['  - Sampler', samplerId]),
    ...(metadata.length === 0 ? [] : [['Metadata', ''] satisfies [string, string]]),
    ...metadata.map(([key, value]): [string, string] => [`  - ${key}`, value]),
  ];
  return { json: { session_id: id, ...session }, view: { table: propertyTable(`Session: ${id}`, rows) } };
}

export async function assignProject(
  context: CommandContext,
  id: string,
  projectId: string,
): Promise<CommandResult> {
  await withService(context, (rest) => rest.assignSessionProject(id, projectId, { signal: context.signal }));
  if (process.stderr.isTTY) context.note(`${id} belongs to ${projectId} now.`);
  return { json: { session_id: id, project_id: projectId }, view: { lines: [] } };
}
