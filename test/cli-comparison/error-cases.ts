import type { CliResult } from '../helpers/cli.ts';
import type { Case } from './cases.ts';
import type { Findings } from './differences.ts';
import type { Seeded } from './seed.ts';

/** What is typed, how ours ends, and what both must name. */
type Mistake = [name: string, exitCode: number, subject: string, ...args: string[]];

const nowhere = 'tinker://nobody:train:0/weights/none';

/** Every failure of features 2.4 that needs no terminal, usage errors, and what the server may refuse. */
export function errorCases({ paths, runIds }: Seeded): Case[] {
  const absent = `tinker://${runIds.rich}/weights/absent`;
  const run = ['--run-id', runIds.fresh];
  const mistakes: Mistake[] = [
    ['(nothing)', 2, ''],
    ['no such command', 2, 'nope', 'nope'],
    ['no such option', 2, '--nope', 'run', 'list', '--nope'],
    ['a missing argument', 2, '', 'run', 'info'],
    ['a limit that is no number', 2, 'abc', 'run', 'list', '--limit', 'abc'],
    ['a format that is none', 2, 'yaml', '-f', 'yaml', 'run', 'list'],
    ['an argument too many', 2, '', 'run', 'list', 'x'],
    ['an unknown column', 2, 'foo', 'run', 'list', '-c', 'foo'],
    ['run info: no such run', 4, 'nobody', 'run', 'info', 'nobody:train:0'],
    ['checkpoint info: no path', 2, 'run/weights/1', 'checkpoint', 'info', 'run/weights/1'],
    ['checkpoint info: a malformed path', 2, 'tinker://run', 'checkpoint', 'info', 'tinker://run'],
    ['checkpoint info: no such run', 4, 'nobody', 'checkpoint', 'info', nowhere],
    ['checkpoint info: not in the list', 4, absent, 'checkpoint', 'info', absent],
    ['checkpoint list: no such run', 4, 'nobody', 'checkpoint', 'list', '--run-id', 'nobody:train:0'],
    ['publish: no path', 2, 'x', 'checkpoint', 'publish', 'x'],
    ['publish: no such checkpoint', 4, '', 'checkpoint', 'publish', nowhere],
    ['set-ttl: no option', 2, '--ttl', 'checkpoint', 'set-ttl', paths.training],
    [
      'set-ttl: both options',
      2,
      '--remove',
      'checkpoint',
      'set-ttl',
      paths.training,
      '--ttl',
      '9',
      '--remove',
    ],
    ['set-ttl: too short', 1, '', 'checkpoint', 'set-ttl', paths.training, '--ttl', '5'],
    ['delete: nothing given', 2, '--run-id', 'checkpoint', 'delete'],
    ['delete: paths and run', 2, '--run-id', 'checkpoint', 'delete', '-y', nowhere, ...run],
    [
      'delete: a filter without a run',
      2,
      '--run-id',
      'checkpoint',
      'delete',
      '-y',
      nowhere,
      '--type',
      'weights',
    ],
    ['delete: a bad type', 2, 'foo', 'checkpoint', 'delete', '-y', ...run, '--type', 'foo'],
    ['delete: a bad date', 2, '24-1-1', 'checkpoint', 'delete', '-y', ...run, '--before', '24-1-1'],
    ['delete: nobody to ask', 2, '', 'checkpoint', 'delete', nowhere],
    ['download: a malformed path', 2, 'tinker://run', 'checkpoint', 'download', 'tinker://run'],
    ['push-hf: a malformed path', 2, 'tinker://run', 'checkpoint', 'push-hf', 'tinker://run'],
    ['push-hf: a sampler', 2, paths.sampler, 'checkpoint', 'push-hf', paths.sampler],
    ['model list: nothing fits', 4, 'qwen', 'model', 'list', 'qwen'],
    ['billing usage: bad dates', 2, '', 'billing', 'usage', 'x', 'y'],
    ['export-trace: no such session', 4, '', 'session', 'export-trace', 'nobody', '--url-only'],
    ['auth logout: nothing stored', 3, '', 'auth', 'logout'],
  ];
  // Others the official program tries again for minutes.
  const statuses: [status: number, exitCode: number][] = [
    [400, 1],
    [401, 3],
    [403, 3],
    [404, 4],
    [422, 1],
  ];
  return [
    ...mistakes.map(([name, exitCode, subject, ...args]): Case => ({
      group: 'errors',
      name,
      args,
      compare: (official, ours, findings) => compareErrors(official, ours, findings, exitCode, subject),
    })),
    ...statuses.map(([status, exitCode]): Case => ({
      group: 'errors',
      name: `the server answers ${status}`,
      args: ['run', 'info', runIds.rich],
      fault: { route: '/api/v1/training_runs/:run', status },
      compare: (official, ours, findings) => compareErrors(official, ours, findings, exitCode, 'so it says'),
    })),
  ];
}

/** Both fail with nothing on standard output; ours in two lines, with its own code. */
function compareErrors(
  official: CliResult,
  ours: CliResult,
  { problems, reasons }: Findings,
  exitCode: number,
  subject: string,
): void {
  if (official.exitCode === 0) problems.push('the official program did not fail');
  if (ours.exitCode !== exitCode) problems.push(`ours ended with ${ours.exitCode}, not ${exitCode}`);
  if (ours.stdout !== '') problems.push('ours printed on standard output');
  for (const [whose, { stderr }] of Object.entries({ official, ours })) {
    if (!stderr.replaceAll('\n', ' ').includes(subject)) problems.push(`${whose} does not name ${subject}`);
  }
  if (official.stdout !== '') reasons.add('questions');
  if (official.exitCode !== ours.exitCode) reasons.add('exit-codes');
  if (official.stderr !== ours.stderr) reasons.add('error-words');
}
