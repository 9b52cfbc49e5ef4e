import { writeFile } from 'node:fs/promises';
import { fileOperationError } from './errors.ts';
import type { CommandContext } from './context.ts';
import { plural } from './format-values.ts';

export type Cell = string | number | boolean | null | undefined;

/** Rows as CSV, with CRLF line ends; nothing is a blank, truth is `True` or `False` (features 2.3). */
export function toCsv(headers: readonly string[], rows: readonly (readonly Cell[])[]): string {
  return [headers, ...rows].map((row) => `${row.map(toField).join(',')}\r\n`).join('');
}

/** Writes to a file and says so, or to standard output for `-`. */
export async function writeCsv(
  context: CommandContext,
  file: string,
  headers: readonly string[],
  rows: readonly (readonly Cell[])[],
): Promise<void> {
  const text = toCsv(headers, rows);
  if (file === '-') {
    process.stdout.write(text);
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

function toField(cell: Cell): string {
  const text = toCellText(cell);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
