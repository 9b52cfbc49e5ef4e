import { CommanderError } from 'commander';
import { describe, expect, it } from 'vitest';
import { UsageError } from '../../../src/cli/errors.ts';
import { createProgram } from '../../../src/cli/program.ts';

/** Reads a command line without running the command; what was chosen, or the error. */
async function parse(...args: string[]): Promise<{ format: string; started: boolean; error: unknown }> {
  let started = false;
  const program = createProgram(async () => {
    started = true;
  });
  try {
    await program.command.parseAsync(args, { from: 'user' });
    return { format: program.options().format, started, error: undefined };
  } catch (error) {
    return { format: program.options().format, started, error };
  }
}

describe('the position of --format (CLI-2)', () => {
  it.each([
    [['-f', 'json', 'run', 'list']],
    [['run', '-f', 'json', 'list']],
    [['run', 'list', '-f', 'json']],
    [['run', 'list', '--limit', '5', '--format=json']],
    [['checkpoint', 'info', 'tinker://run/weights/1', '-fjson']],
    [['checkpoint', 'delete', '-f', 'json', '--yes', 'tinker://run/weights/1']],
  ])('%j is JSON', async (args) => {
    expect(await parse(...args)).toEqual({ format: 'json', started: true, error: undefined });
  });

  it('is a table by default', async () => {
    expect(await parse('run', 'list')).toEqual({ format: 'table', started: true, error: undefined });
  });

  it('counts before an error later in the line, so that the error is JSON too', async () => {
    const { format, error } = await parse('-f', 'json', 'run', 'list', '--nope');
    expect(format).toBe('json');
    expect(error).toBeInstanceOf(UsageError);
  });
});

describe('a command line that cannot be right (CLI-4)', () => {
  it.each([
    [['nope'], "unknown command 'nope'", "Try 'tinker-ts --help' for help."],
    [
      ['run', 'lits'],
      /^unknown command 'lits' \(Did you mean list\?\)$/,
      "Try 'tinker-ts run --help' for help.",
    ],
    [
      ['run', 'list', '--limt', '3'],
      /^unknown option '--limt' \(Did you mean --limit\?\)$/,
      "Try 'tinker-ts run list --help' for help.",
    ],
    [['run', 'info'], "missing required argument 'run'", "Try 'tinker-ts run info --help' for help."],
    [
      ['run', 'list', '--limit', 'abc'],
      /It must be a whole number\.$/,
      "Try 'tinker-ts run list --help' for help.",
    ],
    [
      ['run', 'list', '--limit', '1.5'],
      /It must be a whole number\.$/,
      "Try 'tinker-ts run list --help' for help.",
    ],
    [['run', 'list', 'x'], /^too many arguments/, "Try 'tinker-ts run list --help' for help."],
    [
      ['run', 'list', '-f', 'yaml'],
      /Allowed choices are table, json, jsonl, csv\.$/,
      "Try 'tinker-ts --help' for help.",
    ],
    [
      ['serve', '--port', '65536'],
      /A port is a whole number from 0 to 65535\.$/,
      "Try 'tinker-ts serve --help' for help.",
    ],
    [
      ['serve', '--port', '-1'],
      /A port is a whole number from 0 to 65535\.$/,
      "Try 'tinker-ts serve --help' for help.",
    ],
    [
      ['checkpoint', 'prune', '--keep', '2'],
      /^required option '--run-id <id>' not specified$/,
      "Try 'tinker-ts checkpoint prune --help' for help.",
    ],
  ])('%j is refused, and the help that explains it is named', async (args, message, hint) => {
    const { started, error } = await parse(...args);
    expect(started).toBe(false);
    expect(error).toMatchObject({ code: 'invalid_argument', message: expect.stringMatching(message), hint });
  });
});

describe('numbers', () => {
  it('a limit may be 0 or negative, which mean all (CLI-11)', async () => {
    expect(await parse('run', 'list', '--limit', '0')).toMatchObject({ started: true });
    expect(await parse('run', 'list', '--limit', '-1')).toMatchObject({ started: true });
  });
});

describe('help', () => {
  it('is no usage error when it is asked for', async () => {
    const written: string[] = [];
    const program = createProgram(async () => undefined);
    program.command.configureOutput({ writeOut: (text) => written.push(text) });
    const error = await program.command
      .parseAsync(['--help'], { from: 'user' })
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(CommanderError);
    expect(error).toMatchObject({ exitCode: 0 });
    const help = written.join('');
    for (const command of ['checkpoint', 'run', 'serve', 'version'])
      expect(help).toMatch(new RegExp(`^ {2}${command} `, 'm'));
  });

  it.each([
    [['help', 'run'], 'Usage: tinker-ts run '],
    [['run', '--help'], 'Usage: tinker-ts run '],
    [['-f', 'json', 'run', '--help'], 'Usage: tinker-ts run '],
    [['help', 'completion'], 'Usage: tinker-ts completion '],
  ])('%j shows the same from a tree that is made for that line alone', async (args, usage) => {
    const shown = await Promise.all([undefined, args].map((given) => showHelp(args, given)));
    expect(shown[0]).toContain(usage);
    expect(shown[1]).toBe(shown[0]);
  });

  it('names every group, whichever the line needs', async () => {
    expect(await showHelp(['--help'], ['--help'])).toBe(await showHelp(['--help']));
  });
});

async function showHelp(args: readonly string[], given?: readonly string[]): Promise<string> {
  let shown = '';
  const { command } = createProgram(async () => undefined, given);
  for (const part of [command, ...command.commands])
    part.configureOutput({ writeOut: (text) => (shown += text) });
  await expect(command.parseAsync(args, { from: 'user' })).rejects.toBeInstanceOf(CommanderError);
  return shown;
}
