import { describe, expect, it } from 'vitest';
import { fitWidths, renderTable, TableDrawing, type Table } from '../../../src/cli/render-table.ts';
import { propertyTable } from '../../../src/cli/result.ts';

const piped = { width: undefined, color: false };
const runs: Table = {
  title: '2 training runs',
  headers: ['Run ID', 'Base Model', 'Status'],
  rows: [
    ['run-1', 'local/random', 'OK'],
    ['run-22', 'local/stories-1m', 'Failed'],
  ],
};
const longPath = `tinker://${'0123456789'.repeat(4)}:train:0/weights/step-0001`;

function widthsOf(text: string): number[] {
  return text.split('\n').map((line) => line.length);
}

describe('tables that are piped', () => {
  it('are as wide as their content, with a heavy header frame and a centred title (CLI-12, CLI-13)', () => {
    expect(renderTable(runs, piped).split('\n')).toEqual([
      '           2 training runs',
      '┏━━━━━━━━┳━━━━━━━━━━━━━━━━━━┳━━━━━━━━┓',
      '┃ Run ID ┃ Base Model       ┃ Status ┃',
      '┡━━━━━━━━╇━━━━━━━━━━━━━━━━━━╇━━━━━━━━┩',
      '│ run-1  │ local/random     │ OK     │',
      '│ run-22 │ local/stories-1m │ Failed │',
      '└────────┴──────────────────┴────────┘',
    ]);
  });

  it('show header and bottom when there are no rows (CLI-16)', () => {
    expect(
      renderTable({ title: 'No runs found', headers: ['Run ID', 'Status'], rows: [] }, piped).split('\n'),
    ).toEqual([
      '   No runs found',
      '┏━━━━━━━━┳━━━━━━━━┓',
      '┃ Run ID ┃ Status ┃',
      '┡━━━━━━━━╇━━━━━━━━┩',
      '└────────┴────────┘',
    ]);
  });

  it('break a title between words where it is longer than the table', () => {
    const [first, second] = renderTable(
      { title: 'a title of several words', headers: ['Id'], rows: [['12345678']] },
      piped,
    ).split('\n');
    expect([first, second]).toEqual([' a title of', '  several']);
  });

  it('never break a path', () => {
    expect(renderTable(propertyTable('Checkpoint', [['Path', longPath]]), piped)).toContain(` ${longPath} `);
  });

  it('print text in brackets and control characters as they are (CLI-17)', () => {
    const text = renderTable(propertyTable('Run', [['  - note', 'a [b] \u001b[31mc']]), piped);
    expect(text).toContain('a [b] \\x1b[31mc');
    expect(text).not.toContain('\u001b');
  });

  it('give wide characters the two columns that they take', () => {
    const lines = renderTable({ title: '', headers: ['N'], rows: [['東京'], ['ab']] }, piped).split('\n');
    expect(lines).toContain('│ 東京 │');
    expect(lines).toContain('│ ab   │');
  });
});

describe('tables on a terminal', () => {
  it('use the terminal only as far as their content needs it', () => {
    expect(renderTable(runs, { width: 200, color: false })).toBe(renderTable(runs, piped));
  });

  it('fit the terminal: the widest column but the first gives way, and no character is lost', () => {
    const text = renderTable({ ...runs, rows: [['run-1', longPath, 'OK']] }, { width: 60, color: false });
    expect(Math.max(...widthsOf(text))).toBe(60);
    const cells = text.split('\n').flatMap((line) => line.split('│').slice(2, 3));
    expect(cells.map((cell) => cell.trim()).join('')).toBe(longPath);
  });

  it('wrap between words where that is possible', () => {
    const text = renderTable(propertyTable('x', [['note', 'some words that go on and on for a while']]), {
      width: 37,
      color: false,
    });
    expect(text).toContain('│ some words that go on  │');
    expect(text).toContain('│ and on for a while     │');
  });

  it('break only the words that are wider than their column', () => {
    const details = `actor=tml:user:local tinker_path=${'0123456789'.repeat(3)}:train:0/weights/a overwrite=no`;
    const text = renderTable(propertyTable('x', [['Details', details]]), { width: 42, color: false });
    const cells = text.split('\n').flatMap((line) => line.split('│').slice(2, 3));
    expect(cells.map((cell) => cell.trim())).toEqual([
      'actor=tml:user:local',
      'tinker_path=012345678901234',
      '567890123456789:train:0/wei',
      'ghts/a overwrite=no',
    ]);
  });

  it('break wide characters without losing one or leaving the frame', () => {
    const name = '東京'.repeat(20);
    const text = renderTable(propertyTable('x', [['Name', name]]), { width: 41, color: false });
    const cells = text.split('\n').flatMap((line) => line.split('│').slice(2, 3));
    expect(cells.map((cell) => cell.trim()).join('')).toBe(name);
    expect(Math.max(...cells.map((cell) => cell.trim().length))).toBe(13);
  });

  it('fold a title above blocks between its words', () => {
    const title = '2 training runs (301 more not shown, use --limit to see more)';
    const text = renderTable(
      { ...runs, title, rows: [['run-1', longPath, 'OK']] },
      { width: 40, color: false },
    );
    expect(text.split('\n').slice(0, 3)).toEqual([
      '2 training runs (301 more not shown, use',
      '--limit to see more)',
      '',
    ]);
  });

  it('become one block a row where columns would be squeezed too much, with ids whole', () => {
    expect(
      renderTable(
        {
          ...runs,
          rows: [
            ['run-1', longPath, 'OK'],
            ['run-2', 'm', 'OK'],
          ],
        },
        { width: 40, color: false },
      ).split('\n'),
    ).toEqual([
      '2 training runs',
      '',
      'Run ID      run-1',
      `Base Model  ${longPath}`,
      'Status      OK',
      '',
      'Run ID      run-2',
      'Base Model  m',
      'Status      OK',
    ]);
  });

  it('show properties as lines where even two columns are too wide', () => {
    const text = renderTable(
      propertyTable('Run: x', [
        ['Run ID', longPath],
        ['Status', 'OK'],
      ]),
      { width: 20, color: false },
    );
    expect(text).toBe(`Run: x\n\nRun ID  ${longPath}\nStatus  OK`);
  });

  it('have colors: title italic, header bold, first column bright cyan (CLI-14)', () => {
    const text = renderTable(runs, { width: 80, color: true });
    expect(text).toContain('\u001b[3m');
    expect(text).toContain('\u001b[1mRun ID\u001b[22m');
    expect(text).toContain('\u001b[96mrun-22\u001b[39m');
    // oxlint-disable-next-line no-control-regex
    expect(text.replace(/\u001b\[\d+m/g, '')).toBe(renderTable(runs, piped));
  });
});

describe('tables that come in parts', () => {
  const parts = (style: { width: number | undefined; color: boolean }, ...rows: string[][][]): string[] => {
    const drawing = new TableDrawing(runs.headers, style);
    return [...rows.map((some) => drawing.draw(some, runs.title)), drawing.end()]
      .join('')
      .trimEnd()
      .split('\n');
  };

  it('are the same table where no later cell is wider', () => {
    const [first = [], second = []] = runs.rows.map((row) => [...row]);
    expect(parts(piped, [second], [first]).join('\n')).toBe(
      renderTable({ ...runs, rows: [second, first] }, piped),
    );
    expect(
      parts(
        piped,
        runs.rows.map((row) => [...row]),
        [],
      ).join('\n'),
    ).toBe(renderTable(runs, piped));
  });

  it('grow where a later cell is wider, and cut nothing', () => {
    expect(parts(piped, [['a', 'b', 'OK']], [['run-22', longPath, 'OK']]).slice(-3)).toEqual([
      '│ a      │ b          │ OK     │',
      `│ run-22 │ ${longPath} │ OK     │`,
      `└────────┴${'─'.repeat(longPath.length + 2)}┴────────┘`,
    ]);
  });

  it('go on as blocks of lines where they began so', () => {
    const style = { width: 40, color: false };
    const whole = {
      ...runs,
      rows: [
        ['run-1', longPath, 'OK'],
        ['run-2', 'm', 'OK'],
      ],
    };
    expect(parts(style, [whole.rows[0] ?? []], [whole.rows[1] ?? []]).join('\n')).toBe(
      renderTable(whole, style),
    );
  });

  it('stay within the terminal', () => {
    const lines = parts({ width: 60, color: false }, [['a', 'b', 'OK']], [['run-1', longPath, 'OK']]);
    expect(Math.max(...lines.map((line) => line.length))).toBe(60);
  });
});

describe('the widths of columns', () => {
  it('stay as they are when everything fits', () => {
    expect(fitWidths([10, 30, 5], 80)).toEqual([10, 30, 5]);
  });

  it('shrink the widest first, never the first column', () => {
    expect(fitWidths([60, 40, 30], 130)).toEqual([60, 30, 30]);
    expect(fitWidths([60, 40, 30], 120)).toEqual([60, 25, 25]);
  });

  it('are given up when a column would become narrower than 20', () => {
    expect(fitWidths([60, 40, 30], 109)).toBeUndefined();
    expect(fitWidths([60], 40)).toBeUndefined();
  });
});
