import { withService } from '../connect.ts';
import type { CommandContext } from '../context.ts';
import { propertyTable, type CommandResult } from '../result.ts';

export async function showSampler(context: CommandContext, id: string): Promise<CommandResult> {
  const { signal } = context;
  const { sampler_id, base_model, model_path } = await withService(context, (rest) =>
    rest.getSampler(id, { signal }),
  );
  const rows: [string, string][] = [
    ['Sampler ID', sampler_id],
    ['Base Model', base_model],
    ...(model_path == null ? [] : [['Checkpoint', model_path] satisfies [string, string]]),
  ];
  return {
    json: { sampler_id, base_model, model_path: model_path ?? null },
    view: { table: propertyTable(`Sampler: ${sampler_id}`, rows) },
  };
}
