import type { CommandContext } from './context.ts';
import type { CommandResult } from './result.ts';

/** Prints what a command gave back: on standard output there is only that. */
export async function printResult(
  { json, view }: CommandResult,
  { format, environment }: CommandContext,
): Promise<void> {
  if (format === 'json') {
    process.stdout.write(`${JSON.stringify(json, null, 2)}\n`);
  } else if ('lines' in view) {
    process.stdout.write(view.lines.map((line) => `${line}\n`).join(''));
  } else {
    const { renderTable } = await import('./render-table.ts');
    const { isTTY, columns } = process.stdout;
    const { noColor, forceColor, columns: chosen } = environment;
    const style = {
      width: chosen ?? (isTTY ? columns : undefined),
      color: (isTTY || forceColor) && !noColor,
    };
    process.stdout.write(`${renderTable(view.table, style)}\n`);
  }
}
