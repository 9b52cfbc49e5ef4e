import type { ServerCapabilities } from '../../types/service.ts';
import { withService } from '../connect.ts';
import type { CommandContext } from '../context.ts';
import { CommandError } from '../errors.ts';
import { formatBoolean } from '../format-values.ts';
import { listTable, type Column, type CommandResult } from '../result.ts';
import { tellOfWait } from '../waiting.ts';

type Model = ServerCapabilities['supported_models'][number];

export async function listModels(
  context: CommandContext,
  substring: string | undefined,
): Promise<CommandResult> {
  const { signal } = context;
  using _wait = tellOfWait(context, 'the list of models');
  const { supported_models } = await withService(context, (rest) => rest.getServerCapabilities({ signal }));
  const wanted = substring?.toLowerCase() ?? '';
  const models = supported_models.filter(({ model_name }) => model_name?.toLowerCase().includes(wanted));
  if (models.length === 0 && substring !== undefined) {
    throw new CommandError(
      'not_found',
      `No model name contains '${substring}'.`,
      "Run 'tinker-ts model list' to see every model.",
    );
  }
  const json = models.map(({ model_name, max_context_length, trainable, sampleable }) => ({
    model_name,
    max_context_length: max_context_length ?? null,
    trainable: trainable ?? null,
    sampleable: sampleable ?? null,
  }));
  return { json: { models: json }, view: { table: listTable('', columns, models) } };
}

const columns: readonly Column<Model>[] = [
  { header: 'Model', cell: ({ model_name }) => model_name ?? '' },
  { header: 'Max Context', cell: ({ max_context_length }) => String(max_context_length ?? 'N/A') },
  { header: 'Trainable', cell: ({ trainable }) => toText(trainable) },
  { header: 'Sampleable', cell: ({ sampleable }) => toText(sampleable) },
];

function toText(flag: boolean | null | undefined): string {
  return flag == null ? 'N/A' : formatBoolean(flag);
}
