import { styleText } from 'node:util';
import CliTable from 'cli-table3';
import stringWidth from 'string-width';
import { withoutControlCharacters } from './format-values.ts';
import { breakLongWords, fold } from './text-width.ts';

export interface Table {
  title: string;
  headers: readonly string[];
  rows: readonly (readonly string[])[];
}

export interface TableStyle {
  /** Columns of the terminal; undefined when piped, and the table is then as wide as its content. */
  width: number | undefined;
  color: boolean;
}

/** Heavy lines around the header, light ones around the rows, none between rows. */
const frame = {
  top: '━',
  'top-mid': '┳',
  'top-left': '┏',
  'top-right': '┓',
  mid: '━',
  'mid-mid': '╇',
  'left-mid': '┡',
  'right-mid': '┩',
  bottom: '─',
  'bottom-mid': '┴',
  'bottom-left': '└',
  'bottom-right': '┘',
  left: '│',
  middle: '│',
  right: '│',
};
/** A column is not squeezed below this; where that does not do, rows are shown one below the other. */
const narrowestColumn = 20;
const paddingWidth = 2;

/** Draws a table, without a line end behind it. */
export function renderTable(table: Table, style: TableStyle): string {
  const headers = table.headers.map(withoutControlCharacters);
  const rows = table.rows.map((row) => row.map(withoutControlCharacters));
  const clean = { title: withoutControlCharacters(table.title), headers, rows };
  const natural = naturalWidths(headers, rows);
  if (style.width === undefined) return drawFramed(clean, natural, style.color);
  const fitted = fitWidths(natural, style.width);
  return fitted === undefined
    ? drawRecords(clean, style.width, style.color)
    : drawFramed(clean, fitted, style.color);
}

/** The widths that the content asks for. */
function naturalWidths(headers: readonly string[], rows: ReadonlyArray<readonly string[]>): number[] {
  return headers.map((header, column) =>
    Math.max(stringWidth(header), ...rows.map((row) => stringWidth(row[column] ?? ''))),
  );
}

/**
 * Content widths that fit into `total` columns. The first column keeps its own; of the others the widest give way first.
 * Undefined when that would squeeze one too much.
 */
export function fitWidths(natural: readonly number[], total: number): number[] | undefined {
  const available = total - natural.length * (paddingWidth + 1) - 1;
  const widths = [...natural];
  let excess = widths.reduce((sum, width) => sum + width, 0) - available;
  for (; excess > 0; excess--) {
    const widest = widths.indexOf(Math.max(...widths.slice(1)), 1);
    const width = widths[widest];
    if (width === undefined || width <= narrowestColumn) return undefined;
    widths[widest] = width - 1;
  }
  return widths;
}

function drawFramed({ title, headers, rows }: Table, widths: readonly number[], color: boolean): string {
  const drawn = new CliTable({
    head: headers.map((header) => (color ? paint('bold', header) : header)),
    chars: frame,
    colWidths: widths.map((width) => width + paddingWidth),
    style: { head: [], border: [], compact: true },
    wordWrap: true,
  });
  const toCell = (text: string, column: number): string => {
    // The library would cut off a word that is wider than its column.
    const broken = breakLongWords(text, widths[column] ?? 0);
    return column === 0 && color ? paint('cyanBright', broken) : broken;
  };
  drawn.push(...rows.map((row) => row.map(toCell)));
  const lines = drawn.toString().split('\n');
  const width = widths.reduce((sum, columnWidth) => sum + columnWidth + paddingWidth + 1, 1);
  const titleLines = (title === '' ? [] : centre(title, width)).map((line) =>
    color ? paint('italic', line) : line,
  );
  return [...titleLines, ...withHeavyHeader(lines, widths)].join('\n');
}

/** The library draws the sides of the header like those of the rows, and no line below a header without rows. */
function withHeavyHeader(lines: readonly string[], widths: readonly number[]): string[] {
  const rule = `┡${widths.map((width) => '━'.repeat(width + paddingWidth)).join('╇')}┩`;
  const end = lines.includes(rule) ? lines.indexOf(rule) : lines.length - 1;
  const header = lines.slice(0, end).map((line) => line.replaceAll('│', '┃'));
  const rest = lines.slice(end);
  return [...header, ...(rest[0] === rule ? [] : [rule]), ...rest];
}

/** Every row as lines of `header  value`, whole, so that ids and paths can still be copied on a narrow terminal. */
function drawRecords({ title, headers, rows }: Table, width: number, color: boolean): string {
  const isPropertyTable = headers.length === 2 && headers[0] === 'Property';
  const records = isPropertyTable
    ? [rows]
    : rows.map((row) => headers.map((header, index) => [header, row[index] ?? '']));
  const labelWidth = Math.max(...records.flat().map(([label = '']) => stringWidth(label)));
  const blocks = records.map((record) =>
    record
      .map(([label = '', value = '']) => {
        const padded = label + ' '.repeat(labelWidth - stringWidth(label));
        return `${color ? paint('bold', padded) : padded}  ${value}`.trimEnd();
      })
      .join('\n'),
  );
  const lines = fold(title, width).map((line) => (color ? paint('italic', line) : line));
  return [...(title === '' ? [] : [lines.join('\n')]), ...blocks].join('\n\n');
}

/** A title over the middle of the table. */
function centre(title: string, width: number): string[] {
  return fold(title, width).map(
    (line) => ' '.repeat(Math.max(0, Math.floor((width - stringWidth(line)) / 2))) + line,
  );
}

function paint(format: 'bold' | 'italic' | 'cyanBright', text: string): string {
  return styleText(format, text, { validateStream: false });
}
