import type { CommandContext } from './context.ts';
import { fetchProgress } from './fetch-progress.ts';
import { takePages, type PageSource } from './list-pages.ts';
import { createListWriter } from './list-writers.ts';
import { writeOutput } from './output.ts';
import { isOutputFile } from './standard-streams.ts';
import type { ListColumn } from './result.ts';

/** What a command lists, whatever the format. */
export interface List<Item> {
  pages: PageSource<Item>;
  /** How many at most; all when it is 0 or less. */
  limit: number;
  /** What is fetched, `training runs`. */
  nouns: string;
  columns: readonly ListColumn<Item>[];
  /** Of the table. `shownCount` is undefined where more may come, and the server does not say how many. */
  title: (shownCount: number | undefined, totalCount: number | undefined) => string;
  /** One object of `--format jsonl`. */
  toJson: (item: Item) => object;
  /** The document of `--format json`. */
  toDocument: (items: readonly Item[]) => object;
}

/**
 * Prints a list: as each page comes where the format allows it, and then asks for no page once nobody reads. A JSON
 * document is whole or not printed at all, and a table at a terminal has the widths that all its rows need.
 */
export async function printList<Item>(context: CommandContext, list: List<Item>): Promise<void> {
  const writer = await createListWriter(context, list);
  // Rows that come by and by are progress enough, and a bar would stand between those of `| less`.
  const hasBar = !writer.isStreaming || isOutputFile();
  {
    using progress = fetchProgress(context, list.nouns, list.limit, hasBar);
    for await (const page of takePages(list.pages, list.limit, progress.update)) {
      const text = writer.page(page);
      if (text !== '') await writeOutput(text);
    }
  }
  const rest = writer.end();
  if (rest !== '') await writeOutput(rest);
}
