import { withService } from '../connect.ts';
import type { CommandContext } from '../context.ts';
import { filterPages, listTitle } from '../list-pages.ts';
import { toPairs } from '../pairs.ts';
import { printList } from '../print-list.ts';
import { toSelection, type CheckpointFilters } from '../select-checkpoints.ts';
import { wholeCheckpoint } from '../whole-json.ts';
import { checkpointColumns, largestPage } from './checkpoint-list.ts';

export interface CheckpointSearchOptions extends CheckpointFilters {
  name?: string | undefined;
  baseModel: readonly string[];
  /** `key=value`. */
  metadata: readonly string[];
  limit: number;
}

/** The server cannot search, so all the caller's checkpoints are gone through until enough fit. */
export async function searchCheckpoints(
  context: CommandContext,
  options: CheckpointSearchOptions,
): Promise<void> {
  const { name = '', baseModel, metadata, limit } = options;
  const { signal, clock } = context;
  const fitsFilters = toSelection(options);
  const pairs = Object.entries(toPairs(metadata));
  const words = name.toLowerCase();
  await withService(context, (rest) =>
    printList(context, {
      pages: filterPages(
        rest.listUserCheckpoints({ limit: largestPage }, { signal }),
        (checkpoint) =>
          fitsFilters(checkpoint) &&
          checkpoint.checkpoint_id.toLowerCase().includes(words) &&
          (baseModel.length === 0 || baseModel.includes(checkpoint.base_model ?? '')) &&
          pairs.every(([key, value]) => checkpoint.user_metadata?.[key] === value),
      ),
      limit,
      nouns: 'checkpoints',
      columns: checkpointColumns(clock.now()),
      title: (shownCount) => listTitle('checkpoint', shownCount),
      toJson: wholeCheckpoint,
      toDocument: (items) => ({ checkpoints: items.map(wholeCheckpoint) }),
    }),
  );
}
