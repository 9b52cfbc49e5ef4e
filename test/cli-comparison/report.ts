import { writeFile } from 'node:fs/promises';
import { resultsFolder, type Result } from '../../scripts/compatibility/results.ts';
import type { CliResult } from '../helpers/cli.ts';
import type { Case } from './cases.ts';

export interface Compared {
  one: Case;
  official: CliResult;
  ours: CliResult;
  result: Result;
}

const file = new URL('cli.md', resultsFolder);

/** What both programs printed, one below the other; ids and addresses the same in every run. */
export async function writeReport(program: string, compared: readonly Compared[]): Promise<void> {
  const steady = createSteadier();
  const parts = compared
    .filter(({ one }) => one.group !== 'JSON')
    .map(({ one, official, ours, result }) => {
      const why = result.note === '' ? 'the same' : result.note;
      return [
        `## ${one.group}: ${one.name}`,
        `${result.state === 'pass' ? '' : '**Different without a reason**: '}${why}`,
        ...toBlock(program, official),
        ...toBlock('tinker-ts', ours),
      ].join('\n\n');
    });
  const title = `# What ${program} and tinker-ts print\n\nWritten by \`npm run compare:cli\`.`;
  await writeFile(file, `${steady([title, ...parts].join('\n\n'))}\n`);
}

function toBlock(program: string, { stdout, stderr, exitCode }: CliResult): string[] {
  const text = [stdout.trimEnd(), stderr.trimEnd()]
    .filter((part) => part !== '')
    .join('\n')
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
  return [`${program}, exit code ${exitCode}:`, `\`\`\`text\n${text}\n\`\`\``];
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
