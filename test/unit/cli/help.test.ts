import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { createProgram } from '../../../src/cli/program.ts';

/** Every command of the tree, groups and the program itself included, by what a person types. */
function walk(command: Command, path: string): [path: string, command: Command][] {
  return [[path, command], ...command.commands.flatMap((child) => walk(child, `${path} ${child.name()}`))];
}

function helpOf(command: Command): string {
  let text = '';
  command.configureOutput({ writeOut: (part) => (text += part), getOutHelpWidth: () => 80 });
  command.outputHelp();
  return text;
}

const program = createProgram(async () => undefined).command;
const commands = walk(program, 'tinker-ts');

describe('the help of every command', () => {
  it('covers the whole tree', () => {
    expect(commands.length).toBeGreaterThan(30);
  });

  it.each(commands)('%s has an example that can be run', async (_path, command) => {
    const [, examples = ''] = helpOf(command).split(/\nExamples?:\n/);
    const lines = examples.replaceAll(/ \\\n +/g, ' ').match(/^ {2}\$ tinker-ts .+$/gm) ?? [];
    expect(lines).not.toEqual([]);
    for (const line of lines) expect(await parses(line)).toBe(true);
  });

  it.each(commands)('%s fits 80 columns, and says what each argument and option is', (_path, command) => {
    const lines = helpOf(command).split('\n');
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
    expect(command.description()).toMatch(/^[A-Z].+\.$/);
    for (const described of [...command.registeredArguments, ...command.options])
      expect(described.description).not.toBe('');
  });
});

/** Whether the program takes the line of an example, without running it. */
async function parses(line: string): Promise<boolean> {
  let started = false;
  const { command } = createProgram(async () => void (started = true));
  const args =
    line
      .replace(/^ {2}\$ tinker-ts /, '')
      .split(/ [<>]/, 1)[0]
      ?.match(/"[^"]*"|\S+/g) ?? [];
  await command.parseAsync(
    args.map((text) => text.replaceAll('"', '')),
    { from: 'user' },
  );
  return started;
}
