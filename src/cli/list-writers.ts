import type { CommandContext } from './context.ts';
import { toJsonText } from './json-text.ts';
import type { ListPage } from './list-pages.ts';
import { tableStyle } from './output.ts';
import type { List } from './print-list.ts';

/** Puts a list into a format; each call gives what is to be printed now. */
export interface ListWriter<Item> {
  /** Whether pages are printed as they come. */
  isStreaming: boolean;
  page: (page: ListPage<Item>) => string;
  end: () => string;
}

export async function createListWriter<Item>(
  context: CommandContext,
  list: List<Item>,
): Promise<ListWriter<Item>> {
  switch (context.format) {
    case 'json':
      return createDocumentWriter(list);
    case 'jsonl':
      return createLineWriter(list);
    case 'csv':
      return createCsvWriter(list);
    case 'table':
      return createTableWriter(context, list);
  }
}

function createDocumentWriter<Item>({ toDocument }: List<Item>): ListWriter<Item> {
  const items: Item[] = [];
  return {
    isStreaming: false,
    page(page) {
      items.push(...page.items);
      return '';
    },
    end: () => `${toJsonText(toDocument(items), 'json')}\n`,
  };
}

function createLineWriter<Item>({ toJson }: List<Item>): ListWriter<Item> {
  return {
    isStreaming: true,
    page: ({ items }) => items.map((item) => `${toJsonText(toJson(item), 'jsonl')}\n`).join(''),
    end: () => '',
  };
}

async function createCsvWriter<Item>({ columns }: List<Item>): Promise<ListWriter<Item>> {
  const { toCsv } = await import('./csv.ts');
  let header = toCsv([columns.map(({ field }) => field)]);
  return {
    isStreaming: true,
    page({ items }) {
      const text = header + toCsv(items.map((item) => columns.map(({ value }) => value(item))));
      header = '';
      return text;
    },
    end: () => '',
  };
}

/** A person at a terminal gets one table with the widths that all its rows need; whoever reads a pipe need not wait. */
async function createTableWriter<Item>(
  { environment }: CommandContext,
  { columns, title }: List<Item>,
): Promise<ListWriter<Item>> {
  const { TableDrawing } = await import('./render-table.ts');
  const headers = columns.map(({ header }) => header);
  const drawing = new TableDrawing(headers, tableStyle(environment));
  const toRows = (items: readonly Item[]): string[][] =>
    items.map((item) => columns.map(({ cell, value }) => cell?.(item) ?? String(value(item) ?? '')));
  if (!process.stdout.isTTY) {
    return {
      isStreaming: true,
      page: ({ items, totalCount, shownCount }) => drawing.draw(toRows(items), title(shownCount, totalCount)),
      end: () => drawing.end(),
    };
  }
  const collected: Item[] = [];
  let total: number | undefined;
  return {
    isStreaming: false,
    page({ items, totalCount }) {
      collected.push(...items);
      total = totalCount;
      return '';
    },
    end: () => drawing.draw(toRows(collected), title(collected.length, total)) + drawing.end(),
  };
}
