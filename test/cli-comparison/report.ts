import { writeFile } from 'node:fs/promises';
import stringWidth from 'string-width';
import { breakLongWords, fold } from '../../src/cli/text-width.ts';
import { resultsFolder, type Result } from '../../scripts/compatibility/results.ts';
import type { CliResult } from '../helpers/cli.ts';
import type { Case } from './cases.ts';

export interface Compared {
  one: Case;
  official: CliResult;
  ours: CliResult;
  result: Result;
}

const terminalWidth = 80;
const file = new URL('cli.md', resultsFolder);

/** What both programs printed, side by side; ids and addresses the same in every run. */
export async function writeReport(program: string, compared: readonly Compared[]): Promise<void> {
  const steady = createSteadier();
  const parts = compared
    .filter(({ one }) => one.group !== 'JSON')
    .map(({ one, official, ours, result }) => {
      const why = result.note === '' ? 'the same' : result.note;
      return [
        `## ${one.group}: ${one.name}`,
        `${result.state === 'pass' ? '' : '**Different without a reason**: '}${why}`,
        // Steady before it is laid out: what stands in is not as wide.
        toBlock(steady(toText(program, official)), steady(toText('tinker-ts', ours))),
      ].join('\n\n');
    });
  const head = [
    `# What ${program} and tinker-ts print`,
    'Written by `npm run compare:cli`. The official program is on the left, ours on the right; `|` marks a line that differs.',
  ];
  await writeFile(file, `${[...head, ...parts].join('\n\n')}\n`);
}

function toText(program: string, { stdout, stderr, exitCode }: CliResult): string {
  const texts = [stdout.trimEnd(), stderr.trimEnd()].filter((part) => part !== '');
  return [`${program}, exit code ${exitCode}`, '', ...texts].join('\n').replaceAll('\r', '');
}

/** Two columns, each as wide as one terminal, or as the table that it holds. */
function toBlock(official: string, ours: string): string {
  const [left, right] = [toLines(official), toLines(ours)];
  const width = Math.max(...left.map((line) => stringWidth(line)));
  const lines = Array.from({ length: Math.max(left.length, right.length) }, (_, index) => {
    const [one = '', other = ''] = [left[index], right[index]];
    const mark = one === other || index === 0 ? ' ' : '|';
    return `${one}${' '.repeat(width - stringWidth(one))} ${mark} ${other}`.trimEnd();
  });
  return `\`\`\`text\n${lines.join('\n')}\n\`\`\``;
}

/** Text goes on in the next line where a terminal would break it; tables stay whole. */
function toLines(text: string): string[] {
  return text.split('\n').flatMap((line) => {
    const trimmed = line.trimEnd();
    const isTable = /^[ ]*[┏┃┡│└]/.test(trimmed) || trimmed.startsWith('  ');
    return isTable
      ? [trimmed]
      : breakLongWords(trimmed, terminalWidth)
          .split('\n')
          .flatMap((part) => fold(part, terminalWidth));
  });
}

function createSteadier(): (text: string) => string {
  const known = new Map<string, string>();
  return (text) =>
    text
      .replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, (id) => {
        const name = known.get(id) ?? `session-${String(known.size + 1).padStart(28, '0')}`;
        known.set(id, name);
        return name;
      })
      .replaceAll(/127\.0\.0\.1:\d{1,5}/g, '127.0.0.1:00000')
      .replaceAll(/expires=\d+&signature=[0-9a-f]+/g, 'expires=…&signature=…')
      .replaceAll(/\d{4}-\d\d-\d\d([ T])\d\d:\d\d:\d\d/g, '2026-01-01$100:00:00');
}
