import type { Cell } from './csv.ts';
import type { Table } from './render-table.ts';

/** What a command gives back: data for programs, and how to show it to people. */
export interface CommandResult {
  /** What `--format json` prints. */
  json: unknown;
  /** What `--format jsonl` prints, one a line; `json`, or its items, where it is undefined. */
  items?: readonly unknown[] | undefined;
  /** What the table format prints: a table, or plain lines. */
  view: { table: Table } | { lines: readonly string[] };
  /** 0 unless part of the work failed. */
  exitCode?: number | undefined;
}

/** What a command gives back that has printed by itself. */
export interface PrintedResult {
  exitCode: number;
}

/** One column of a list: its title, and what it shows of a row. */
export interface Column<Row> {
  header: string;
  cell: (row: Row) => string;
}

/** One column of what a command lists. */
export interface ListColumn<Row> {
  header: string;
  /** Its name in CSV. */
  field: string;
  /** What CSV has of it. */
  value: (row: Row) => Cell;
  /** What the table shows, where that is not the value itself. */
  cell?: (row: Row) => string;
}

export function listTable<Row>(title: string, columns: readonly Column<Row>[], rows: readonly Row[]): Table {
  return {
    title,
    headers: columns.map(({ header }) => header),
    rows: rows.map((row) => columns.map(({ cell }) => cell(row))),
  };
}

/** The facts of one thing, one a row. */
export function propertyTable(
  title: string,
  properties: readonly (readonly [name: string, value: string])[],
): Table {
  return { title, headers: ['Property', 'Value'], rows: properties };
}
