import type { ServerCapabilities } from '../../types/service.ts';
import { withService } from '../connect.ts';
import type { CommandContext } from '../context.ts';
import { CommandError } from '../errors.ts';
import { formatBoolean } from '../format-values.ts';
import { onePage } from '../list-pages.ts';
import { printList } from '../print-list.ts';
import type { ListColumn } from '../result.ts';
import { tellOfWait } from '../waiting.ts';

type Model = ServerCapabilities['supported_models'][number];

export async function listModels(context: CommandContext, substring: string | undefined): Promise<void> {
  const { supported_models } = await fetchModels(context);
  const wanted = substring?.toLowerCase() ?? '';
  const models = supported_models.filter(({ model_name }) => model_name?.toLowerCase().includes(wanted));
  if (models.length === 0 && substring !== undefined) {
    throw new CommandError(
      'not_found',
      `No model name contains '${substring}'.`,
      "Run 'tinker-ts model list' to see every model.",
    );
  }
  await printList(context, {
    pages: onePage(models),
    limit: 0,
    nouns: 'models',
    columns,
    title: () => '',
    toJson,
    toDocument: (listed) => ({ models: listed.map(toJson) }),
  });
}

async function fetchModels(context: CommandContext): Promise<ServerCapabilities> {
  using _wait = tellOfWait(context, 'the list of models');
  return await withService(context, (rest) => rest.getServerCapabilities({ signal: context.signal }));
}

function toJson({ model_name, max_context_length, trainable, sampleable }: Model) {
  return {
    model_name,
    max_context_length: max_context_length ?? null,
    trainable: trainable ?? null,
    sampleable: sampleable ?? null,
  };
}

const columns: readonly ListColumn<Model>[] = [
  { header: 'Model', field: 'model_name', value: ({ model_name }) => model_name },
  {
    header: 'Max Context',
    field: 'max_context_length',
    value: ({ max_context_length }) => max_context_length,
    cell: ({ max_context_length }) => String(max_context_length ?? 'N/A'),
  },
  {
    header: 'Trainable',
    field: 'trainable',
    value: ({ trainable }) => trainable,
    cell: ({ trainable }) => toText(trainable),
  },
  {
    header: 'Sampleable',
    field: 'sampleable',
    value: ({ sampleable }) => sampleable,
    cell: ({ sampleable }) => toText(sampleable),
  },
];

function toText(flag: boolean | null | undefined): string {
  return flag == null ? 'N/A' : formatBoolean(flag);
}
