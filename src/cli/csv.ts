import { writeFile } from 'node:fs/promises';
import { stringify } from 'csv-stringify/sync';
import { fileOperationError } from './errors.ts';
import type { CommandContext } from './context.ts';
import { plural } from './format-values.ts';
import { writeOutput } from './output.ts';

export type Cell = string | number | boolean | null | undefined;

/** Rows as CSV, with CRLF line ends; nothing is a blank, truth is `True` or `False` (features 2.3). */
export function toCsv(rows: readonly (readonly Cell[])[]): string {
  return stringify(
    rows.map((row) => row.map(toCellText)),
    // By itself the library leaves a lone line feed unquoted where lines end with CRLF.
    { record_delimiter: 'windows', quoted_match: /[\r\n]/ },
  );
}

/** Writes to a file and says so, or to standard output for `-`. */
export async function writeCsv(
  context: CommandContext,
  file: string,
  headers: readonly string[],
  rows: readonly (readonly Cell[])[],
): Promise<void> {
  const text = toCsv([headers, ...rows]);
  if (file === '-') {
    await writeOutput(text);
    return;
  }
  try {
    await writeFile(file, text);
  } catch (error) {
    throw fileOperationError(`write ${file}`, error);
  }
  context.note(`Wrote ${plural(rows.length, 'row')} to ${file}`);
}

/** A value as the official program writes it in a table or a file. */
export function toCellText(cell: Cell): string {
  if (cell === null || cell === undefined) return '';
  if (typeof cell === 'boolean') return cell ? 'True' : 'False';
  return String(cell);
}
