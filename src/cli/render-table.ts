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
export function renderTable({ title, headers, rows }: Table, style: TableStyle): string {
  const drawing = new TableDrawing(headers, style);
  return (drawing.draw(rows, title) + drawing.end()).replace(/\n$/, '');
}

/**
 * A table of which rows come in several parts. The first part decides its layout; where a later one has wider cells,
 * columns grow for the rows from there on rather than cut them.
 */
export class TableDrawing {
  readonly #headers: readonly string[];
  readonly #style: TableStyle;
  #natural: readonly number[];
  /** Undefined before the first part, and where rows are blocks of lines. */
  #widths: readonly number[] | undefined;
  #isBegun = false;

  constructor(headers: readonly string[], style: TableStyle) {
    this.#headers = headers.map(withoutControlCharacters);
    this.#style = style;
    this.#natural = this.#headers.map((header) => stringWidth(header));
  }

  /** The lines of these rows; the title and the header stand above the first part alone. */
  draw(someRows: readonly (readonly string[])[], title: string): string {
    const { width, color } = this.#style;
    const rows = someRows.map((row) => row.map(withoutControlCharacters));
    this.#natural = naturalWidths(this.#natural, rows);
    const isFirst = !this.#isBegun;
    this.#isBegun = true;
    const fitted = width === undefined ? this.#natural : fitWidths(this.#natural, width);
    if (isFirst) this.#widths = fitted;
    const shownTitle = isFirst ? withoutControlCharacters(title) : '';
    const table = { title: shownTitle, headers: this.#headers, rows };
    if (this.#widths === undefined) {
      const lines = drawRecords(table, width ?? 0, color);
      return isFirst ? lines : `\n${lines}`;
    }
    this.#widths = fitted ?? this.#widths;
    const { head, body } = drawFramed(table, this.#widths, color);
    return toText(isFirst ? [...head, ...body] : body);
  }

  /** The last line. */
  end(): string {
    if (this.#widths === undefined) return '';
    const bottom = this.#widths.map((width) => '─'.repeat(width + paddingWidth));
    return toText([`└${bottom.join('┴')}┘`]);
  }
}

function toText(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join('');
}

/** The widths that the content asks for. */
function naturalWidths(least: readonly number[], rows: ReadonlyArray<readonly string[]>): number[] {
  return least.map((width, column) =>
    rows.reduce((widest, row) => Math.max(widest, stringWidth(row[column] ?? '')), width),
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

/** Without its last line; `head` goes down to the rule under the header. */
function drawFramed(
  { title, headers, rows }: Table,
  widths: readonly number[],
  color: boolean,
): { head: string[]; body: string[] } {
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
  const { header, body } = withHeavyHeader(lines, widths);
  return { head: [...titleLines, ...header], body };
}

/** The library draws the sides of the header like those of the rows, and no line below a header without rows. */
function withHeavyHeader(
  lines: readonly string[],
  widths: readonly number[],
): { header: string[]; body: string[] } {
  const rule = `┡${widths.map((width) => '━'.repeat(width + paddingWidth)).join('╇')}┩`;
  const end = lines.includes(rule) ? lines.indexOf(rule) : lines.length - 1;
  const header = lines.slice(0, end).map((line) => line.replaceAll('│', '┃'));
  return { header: [...header, rule], body: lines.slice(end + 1, -1) };
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
  return `${[...(title === '' ? [] : [lines.join('\n')]), ...blocks].join('\n\n')}\n`;
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
