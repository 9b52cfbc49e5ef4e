import type { Environment } from '../core/env.ts';
import { isJson, type CommandContext } from './context.ts';
import { toJsonText } from './json-text.ts';
import type { TableStyle } from './render-table.ts';
import type { CommandResult } from './result.ts';

/** Prints what a command gave back: on standard output there is only that. */
export async function printResult(
  { json, items = Array.isArray(json) ? json : [json], view }: CommandResult,
  { format, environment }: CommandContext,
): Promise<void> {
  if (isJson(format)) {
    const documents = format === 'jsonl' ? items : [json];
    await writeOutput(documents.map((document) => `${toJsonText(document, format)}\n`).join(''));
  } else if ('lines' in view) {
    await writeOutput(view.lines.map((line) => `${line}\n`).join(''));
  } else {
    const { renderTable } = await import('./render-table.ts');
    await writeOutput(`${renderTable(view.table, tableStyle(environment))}\n`);
  }
}

export function tableStyle({ noColor, forceColor, columns: chosen }: Environment): TableStyle {
  const { isTTY, columns } = process.stdout;
  return { width: chosen ?? (isTTY ? columns : undefined), color: (isTTY || forceColor) && !noColor };
}

/** Resolves once the system has taken it; never where the reader has left, which ends the program. */
export function writeOutput(text: string): Promise<void> {
  return new Promise((resolve) => {
    process.stdout.write(text, (error) => {
      if (error == null) resolve();
    });
  });
}
