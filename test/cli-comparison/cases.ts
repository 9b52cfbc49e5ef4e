import type { CliResult } from '../helpers/cli.ts';
import { compareJson, compareLines, type Findings } from './differences.ts';
import type { Seeded } from './seed.ts';

/** One command line for both programs. */
export interface Case {
  group: 'JSON' | 'tables' | 'CSV' | 'changes' | 'errors';
  /** What is typed; `{…}` stands for ids, so that it is the same in every run. */
  name: string;
  args: readonly string[];
  /** When ours is not the same: it has a path or option of its own. */
  ours?: readonly string[];
  /** For the answer of a server that is not well; both programs get it. */
  fault?: { route: string; status: number } | undefined;
  compare: (official: CliResult, ours: CliResult, findings: Findings) => void;
}

/** Every command that only reads, in both formats. */
export function readCases(seeded: Seeded): Case[] {
  const { runIds, paths, billing, sessionId } = seeded;
  const usage = ['billing', 'usage', billing.from, billing.to];
  const reads: [name: string, ...args: string[]][] = [
    ['run list', 'run', 'list'],
    ['run list --limit 1', 'run', 'list', '--limit', '1'],
    ['run list --limit 0', 'run', 'list', '--limit', '0'],
    [
      'run list -c (all)',
      'run',
      'list',
      '-c',
      'id,model,owner,lora,updated,status,checkpoint,checkpoint_time',
    ],
    ['run info (metadata)', 'run', 'info', runIds.rich],
    ['run info (weeks old)', 'run', 'info', runIds.old],
    ['checkpoint list', 'checkpoint', 'list'],
    ['checkpoint list --limit 2', 'checkpoint', 'list', '--limit', '2'],
    ['checkpoint list --run-id', 'checkpoint', 'list', '--run-id', runIds.rich],
    ...Object.entries(paths).map(([name, path]): [string, ...string[]] => [
      `checkpoint info (${name})`,
      'checkpoint',
      'info',
      path,
    ]),
    ['model list', 'model', 'list'],
    ['model list RANDOM', 'model', 'list', 'RANDOM'],
    ['auth whoami', 'auth', 'whoami'],
    ['billing usage', ...usage],
    ['billing checkpoint-storage', 'billing', 'checkpoint-storage'],
  ];
  const empty: [name: string, ...args: string[]][] = [
    ['billing usage (none)', 'billing', 'usage', '2020-01-01T00:00:00Z', '2020-01-01T01:00:00Z'],
    ['billing checkpoint-storage (none)', 'billing', 'checkpoint-storage', '--project-id', 'nobody'],
  ];
  const urlOnly = ['session', 'export-trace', sessionId, '--url-only'];
  return [
    ...[...reads, ...empty].map(([name, ...args]): Case => ({
      group: 'JSON',
      name,
      args: ['-f', 'json', ...args],
      compare: sameJson,
    })),
    {
      group: 'JSON',
      name: 'session export-trace --url-only',
      args: ['-f', 'json', ...urlOnly],
      compare: sameJson,
    },
    {
      group: 'JSON',
      name: 'version',
      args: ['-f', 'json', 'version'],
      compare: ownJson('version', { version: /^\d/ }),
    },
    {
      group: 'JSON',
      name: 'auth status',
      args: ['-f', 'json', 'auth', 'status'],
      compare: ownJson('text-in-json', { credentials_available: true, tinker_accessible: true }),
    },
    ...reads.map(([name, ...args]): Case => ({ group: 'tables', name, args, compare: sameLines })),
    ...empty.map(([name, ...args]): Case => ({ group: 'tables', name, args, compare: emptyTable })),
    { group: 'tables', name: 'session export-trace --url-only', args: urlOnly, compare: sameLines },
    { group: 'tables', name: 'version', args: ['version'], compare: sameLines },
    { group: 'tables', name: 'auth status', args: ['auth', 'status'], compare: sameLines },
    { group: 'CSV', name: 'billing usage --csv -', args: [...usage, '--csv', '-'], compare: sameCsv },
    {
      group: 'CSV',
      name: 'billing usage --sessions-csv -',
      args: [...usage, '--sessions-csv', '-'],
      compare: sameCsv,
    },
    {
      group: 'CSV',
      name: 'billing checkpoint-storage --csv -',
      args: ['billing', 'checkpoint-storage', '--csv', '-'],
      compare: sameCsv,
    },
  ];
}

/** Commands that change something. The official program goes first, then it is undone by the next case. */
export function changeCases({ paths, spare, runIds }: Seeded): Case[] {
  const [one = '', two = '', three = '', four = ''] = spare;
  const silent = (name: string, ...args: string[]): Case[] => [
    { group: 'changes', name, args, compare: sameLines },
    {
      group: 'changes',
      name: `${name} (JSON)`,
      args: ['-f', 'json', ...args],
      compare: ownJson('silent-json', {}),
    },
  ];
  return [
    ...silent('checkpoint set-ttl --ttl', 'checkpoint', 'set-ttl', paths.training, '--ttl', '7200'),
    ...silent('checkpoint set-ttl --remove', 'checkpoint', 'set-ttl', paths.training, '--remove'),
    {
      group: 'changes',
      name: 'checkpoint publish',
      args: ['checkpoint', 'publish', one],
      ours: ['checkpoint', 'publish', two],
      compare: sameLines,
    },
    {
      group: 'changes',
      name: 'checkpoint unpublish',
      args: ['checkpoint', 'unpublish', one],
      ours: ['checkpoint', 'unpublish', two],
      compare: sameLines,
    },
    {
      group: 'changes',
      name: 'checkpoint delete --yes',
      args: ['checkpoint', 'delete', '--yes', one],
      ours: ['checkpoint', 'delete', '--yes', two],
      compare: deleted,
    },
    {
      group: 'changes',
      name: 'checkpoint delete --yes (JSON)',
      args: ['-f', 'json', 'checkpoint', 'delete', '--yes', three],
      ours: ['-f', 'json', 'checkpoint', 'delete', '--yes', four],
      compare: sameJson,
    },
    {
      group: 'changes',
      name: 'checkpoint delete --run-id (nothing fits)',
      args: ['checkpoint', 'delete', '--yes', '--run-id', runIds.fresh, '--before', '2020-01-01'],
      compare: sameLines,
    },
    {
      group: 'changes',
      name: 'checkpoint delete --run-id (nothing fits, JSON)',
      args: [
        '-f',
        'json',
        'checkpoint',
        'delete',
        '--yes',
        '--run-id',
        runIds.fresh,
        '--before',
        '2020-01-01',
      ],
      compare: ownJson('text-in-json', { deleted_count: 0, failed: [] }),
    },
  ];
}

function sameJson(official: CliResult, ours: CliResult, findings: Findings): void {
  sameEnd(official, ours, findings);
  if (official.exitCode !== 0 || ours.exitCode !== 0) return;
  compareJson(JSON.parse(official.stdout), JSON.parse(ours.stdout), findings);
}

function sameLines(official: CliResult, ours: CliResult, findings: Findings): void {
  sameEnd(official, ours, findings);
  compareLines(official.stdout, ours.stdout, findings);
}

function sameCsv(official: CliResult, ours: CliResult, findings: Findings): void {
  sameEnd(official, ours, findings);
  compareJson(parseCsv(official.stdout), parseCsv(ours.stdout), findings);
}

function parseCsv(text: string): string[][] {
  return text
    .split('\r\n')
    .map((line) =>
      [...line.matchAll(/("(?:[^"]|"")*"|[^,]*)(?:,|$)/g)].map(([, field = '']) =>
        field.startsWith('"') ? field.slice(1, -1).replaceAll('""', '"') : field,
      ),
    );
}

/** The official program draws a table without columns, of which nothing is seen. */
function emptyTable(official: CliResult, ours: CliResult, findings: Findings): void {
  sameEnd(official, ours, findings);
  if (official.stdout.trim() === '' && /^No .+\n$/.test(ours.stdout)) findings.reasons.add('empty-billing');
  else compareLines(official.stdout, ours.stdout, findings);
}

/** The official program prints the name of its progress bar first. */
function deleted(official: CliResult, ours: CliResult, findings: Findings): void {
  sameEnd(official, ours, findings);
  const [label, ...lines] = official.stdout.split('\n');
  if (label === 'Deleting checkpoints') findings.reasons.add('progress');
  compareLines(label === 'Deleting checkpoints' ? lines.join('\n') : official.stdout, ours.stdout, findings);
}

/** Where the official program prints text or nothing, and ours this document. */
function ownJson(reason: string, expected: Record<string, unknown>): Case['compare'] {
  return (official, ours, findings) => {
    sameEnd(official, ours, findings);
    const document = JSON.parse(ours.stdout) as Record<string, unknown>;
    for (const [name, value] of Object.entries(expected)) {
      const fits =
        value instanceof RegExp
          ? value.test(String(document[name]))
          : JSON.stringify(document[name]) === JSON.stringify(value);
      if (!fits) findings.problems.push(`ours has ${name} ${JSON.stringify(document[name])}`);
    }
    findings.reasons.add(reason);
  };
}

function sameEnd(official: CliResult, ours: CliResult, findings: Findings): void {
  for (const [whose, { exitCode, stderr }] of Object.entries({ official, ours })) {
    if (exitCode !== 0) findings.problems.push(`${whose} ended with ${exitCode}: ${stderr.trim()}`);
  }
}
